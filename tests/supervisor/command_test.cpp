// SPDX-License-Identifier: Apache-2.0
#include "supervisor/command.h"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "supervisor/launch.h"

namespace leasehold::supervisor {
namespace {

using testing::Test;
using Texts = std::vector<std::string>;

class CommandStatus : public Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "/leasehold-command-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& name, const std::string& content, mode_t mode) const {
        std::string path = folder_ + "/" + name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path) << content;
        chmod(path.c_str(), mode);
        return path;
    }

    std::string folder_;
    std::string problem_;
};

TEST(Candidates, are_those_of_execvp) {
    EXPECT_EQ(candidates("ls", "/bin:/usr/bin"), (Texts{"/bin/ls", "/usr/bin/ls"}));
    EXPECT_EQ(candidates("ls", ":/bin:"), (Texts{"ls", "/bin/ls", "ls"}));
    EXPECT_EQ(candidates("ls", ""), (Texts{"ls"}));
    EXPECT_EQ(candidates("./ls", "/bin"), (Texts{"./ls"}));
    EXPECT_EQ(candidates("", "/bin"), Texts{});
}

TEST(Environment, merges_with_ours_winning) {
    const char* const inherited[] = {"A=1", "PATH=/x", "odd", "B=2", nullptr};
    const Texts lines = merged_environment(inherited, {{"B", "3"}, {"C", ""}});
    EXPECT_EQ(lines, (Texts{"A=1", "PATH=/x", "odd", "B=3", "C="}));
    EXPECT_EQ(path_of(lines), "/x");
    EXPECT_EQ(path_of({"A=1"}), "/bin:/usr/bin");
    EXPECT_EQ(path_of({"PATH="}), "");
}

TEST_F(CommandStatus, finds_what_can_be_executed) {
    const std::string path = file("bin/tool", "#!/bin/sh\n", 0755);
    EXPECT_EQ(command_status(path, "", problem_), 0);
    EXPECT_EQ(command_status("tool", "/nowhere:" + folder_ + "/bin", problem_), 0);
}

TEST_F(CommandStatus, is_127_for_what_is_not_there) {
    EXPECT_EQ(command_status("tool", folder_, problem_), 127);
    EXPECT_NE(problem_.find("PATH (" + folder_ + ")"), std::string::npos) << problem_;
    EXPECT_EQ(command_status(folder_ + "/tool", "", problem_), 127);
    EXPECT_EQ(command_status("", "/bin", problem_), 127);
    EXPECT_EQ(command_status(file("plain", "", 0644) + "/tool", "", problem_), 127);
}

TEST_F(CommandStatus, is_126_for_what_may_not_be_executed) {
    file("bin/tool", "#!/bin/sh\n", 0644);
    EXPECT_EQ(command_status("tool", folder_ + "/bin:/nowhere", problem_), 126);
    EXPECT_EQ(command_status(folder_ + "/bin", "", problem_), 126);  // a folder
    EXPECT_NE(problem_.find("may not be executed"), std::string::npos) << problem_;
}

TEST_F(CommandStatus, one_that_may_not_be_executed_does_not_hide_one_further_down_the_path) {
    file("a/tool", "#!/bin/sh\n", 0644);
    file("b/tool", "#!/bin/sh\n", 0755);
    EXPECT_EQ(command_status("tool", folder_ + "/a:" + folder_ + "/b", problem_), 0);
}

TEST_F(CommandStatus, execution_fails_for_the_same_reasons) {
    file("a/tool", "#!/bin/sh\n", 0644);
    const std::string unknown = file("b/unknown", "no format that anyone knows", 0755);
    const std::string no_interpreter = file("b/script", "#!/no/such/interpreter\n", 0755);
    EXPECT_EQ(Executable({"tool"}, {"PATH=" + folder_ + "/a:/nowhere"}).execute(), EACCES);
    EXPECT_EQ(Executable({"tool"}, {"PATH=/nowhere"}).execute(), ENOENT);
    EXPECT_EQ(Executable({unknown}, {}).execute(), ENOEXEC);
    EXPECT_EQ(status_of_failure(unknown, "", ENOEXEC, problem_), 126);
    EXPECT_EQ(Executable({no_interpreter}, {}).execute(), ENOENT);
    EXPECT_EQ(status_of_failure(no_interpreter, "", ENOENT, problem_), 126);
    EXPECT_NE(problem_.find("interpreter"), std::string::npos) << problem_;
}

}  // namespace
}  // namespace leasehold::supervisor
