// SPDX-License-Identifier: Apache-2.0
//
// Files that are not a configuration, each with one clear problem; none may hang.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/config/support.h"

namespace leasehold::config {
namespace {

using testing::HasSubstr;

class File : public testing::Test {
protected:
    void SetUp() override {
        folder_ = (std::filesystem::temp_directory_path() / "leasehold-config-XXXXXX").string();
        ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string& name) const { return folder_ + '/' + name; }

    std::string file_with(const std::string& text) const {
        std::ofstream(path("f"), std::ios::binary) << text;
        return path("f");
    }

    std::string problem_of(const std::string& file) const { return problems_of(load_file(file, with({}))); }

    std::string folder_;
};

TEST_F(File, IsRead) {
    const Loaded loaded = load_file(file_with(minimal()), with({}));
    EXPECT_EQ(problems_of(loaded), "");
    EXPECT_EQ(loaded.options.election.name, "e");
}

TEST_F(File, MayBeALink) {
    file_with(minimal());
    ASSERT_EQ(symlink("f", path("link").c_str()), 0);
    EXPECT_EQ(problem_of(path("link")), "");
}

TEST_F(File, IsMissing) {
    EXPECT_EQ(problem_of(path("none")),
              "f: cannot be read: No such file or directory; give the path of a file that exists\n");
    EXPECT_EQ(problem_of(file_with("") + "/x"),
              "f: cannot be read: Not a directory; give the path of a file that exists\n");
    EXPECT_THAT(problem_of(""), HasSubstr("No such file or directory"));
    ASSERT_EQ(symlink("loop", path("loop").c_str()), 0);
    EXPECT_THAT(problem_of(path("loop")), HasSubstr("cannot be read: Too many levels of symbolic links"));
}

TEST_F(File, IsUnreadable) {
    const std::string file = file_with(minimal());
    ASSERT_EQ(chmod(file.c_str(), 0), 0);
    const bool was_root = geteuid() == 0;  // root may read everything
    if (was_root && seteuid(65534) != 0) GTEST_SKIP() << "cannot become another user";
    const std::string problem = problem_of(file);
    ASSERT_TRUE(!was_root || seteuid(0) == 0);
    EXPECT_EQ(problem, "f: cannot be read: Permission denied; let the user that leasehold runs as read it\n");
}

TEST_F(File, IsNoRegularFile) {
    EXPECT_EQ(problem_of(folder_), "f: is a folder; give the file in it\n");
    const char* const irregular = "f: is not a regular file; give one\n";
    EXPECT_EQ(problem_of("/dev/null"), irregular);
    EXPECT_EQ(problem_of("/dev/zero"), irregular);
    ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
    EXPECT_EQ(problem_of(path("fifo")), irregular);
    EXPECT_EQ(problem_of("-"), "f: standard input is not supported; write the configuration to a file\n");

    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path("s").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_THAT(problem_of(path("s")), HasSubstr("give a regular file that can be read"));
}

TEST_F(File, IsEmpty) {
    EXPECT_THAT(problem_of(file_with("")), HasSubstr("f:1:1: the file is empty; the smallest one is {election:"));
    EXPECT_THAT(problem_of(file_with("\xef\xbb\xbf")), HasSubstr("f:1:1: the file is empty"));
}

TEST_F(File, IsAsLargeAsAllowedAndNoLarger) {
    const std::string text = minimal();
    const std::string comment = '#' + std::string((1 << 20) - text.size() - 1, 'x');
    EXPECT_EQ(problem_of(file_with(text + comment)), "");
    EXPECT_EQ(problem_of(file_with(text + comment + 'x')),
              "f: the file is larger than 1 MiB; that is not a configuration of leasehold\n");
    EXPECT_THAT(problem_of(file_with(std::string(20 << 20, '\0'))), HasSubstr("is larger than 1 MiB"));
}

TEST_F(File, IsNotUtf8) {
    EXPECT_EQ(problem_of(file_with("election: {name: e}\n# caf\xe9\n")),
              "f:2:6: the file is not UTF-8: byte 0xe9 at offset 25 does not fit; save it as UTF-8\n");
    const std::pair<const char*, int> cases[] = {
        {"\x80", 0},
        {"a\xff", 1},
        {"\xc0\xaf", 0},
        {"\xc1\xbf", 0},
        {"\xc3", 0},
        {"\xc3(", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0},
        {"\xe2\x82", 0},
        {"\xe2\x28\xa1", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xf0\x9f\x98", 0},
        {"\xc3\xa9\xc3", 2},
    };
    for (const auto& [text, offset] : cases) {
        EXPECT_THAT(problem_of(file_with(text)), HasSubstr("at offset " + std::to_string(offset) + " does not fit"));
    }
    for (const char* text : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
                             "\xf4\x8f\xbf\xbf"}) {
        EXPECT_EQ(problem_of(file_with(minimal() + "# " + text)), "");
    }
    EXPECT_EQ(problem_of(file_with("\xff\xfe" + std::string("a\0:\0", 4))),
              "f:1:1: the file is UTF-16, not UTF-8; save it as UTF-8\n");
    EXPECT_THAT(problem_of(file_with("\xfe\xff" + std::string("\0a\0:", 4))), HasSubstr("the file is UTF-16"));
}

TEST_F(File, HoldsControlCharacters) {
    EXPECT_EQ(problem_of(file_with(minimal() + std::string("# \0", 3))),
              "f:5:3: the file holds a NUL byte; it is not a text file, or its text is not UTF-8\n");
    EXPECT_EQ(problem_of(file_with(minimal() + "# \x04\n")),
              "f:5:3: the file holds the control character 0x04; remove it, or write \"\\x04\" in a value\n");
    EXPECT_THAT(problem_of(file_with("a\x7f")), HasSubstr("f:1:2: the file holds the control character 0x7f"));
    EXPECT_EQ(problem_of(file_with("a: b\rc: d\r")),
              "f:1:5: a carriage return stands alone; end lines with a line feed\n");
}

}  // namespace
}  // namespace leasehold::config
