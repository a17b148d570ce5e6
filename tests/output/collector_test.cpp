// SPDX-License-Identifier: Apache-2.0
//
// The helper around real pipes, in a process of its own, with readers and disks that do not do what they should.
#include "output/collector.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sealed_memory.h"

namespace leasehold::output {
namespace {

using supervisor::OutputCounts;
using supervisor::OutputFormat;
using supervisor::OutputOptions;
using supervisor::OutputOverflow;
using supervisor::OutputStream;
using testing::HasSubstr;

constexpr unsigned kHangs = 120;  // seconds after which a helper that does not end is ended by SIGALRM

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
    UniqueFd read, write;
};

bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 30'000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

std::string all_of(int fd) {
    std::string text;
    std::array<char, 65536> some{};
    for (ssize_t count = 0; (count = read(fd, some.data(), some.size())) > 0;) {
        text.append(some.data(), static_cast<std::size_t>(count));
    }
    return text;
}

std::string content_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

class CollectorTest : public testing::Test {
protected:
    CollectorTest() {
        name_ = testing::TempDir() + "/leasehold-output-XXXXXX";
        file_.reset(mkstemp(name_.data()));
        tree_ended_.reset(eventfd(0, EFD_CLOEXEC));
        options_.format = OutputFormat::text;
        options_.keep_last = 3;
        std::signal(SIGPIPE, SIG_IGN);
    }
    ~CollectorTest() override {
        unlink(name_.c_str());
        if (helper_ > 0) {
            kill(helper_, SIGKILL);
            waitpid(helper_, nullptr, 0);
        }
    }

    // With these as leasehold's own streams; the test's end of `guardian_` is the guardian.
    void start(int output, int errors) {
        if (!page_) page_ = std::move(*supervisor::OutputPage::create(options_.keep_last));
        helper_ = fork();
        if (helper_ != 0) return;
        alarm(kHangs);
        std::signal(SIGXFSZ, SIG_IGN);
        if (file_limit_ > 0) {
            const rlimit limit{file_limit_, file_limit_};
            setrlimit(RLIMIT_FSIZE, &limit);
        }
        supervisor::OutputLaunch launch;
        launch.spec.workload.output = options_;
        launch.spec.election = "test";
        launch.guardian_fd = guardian_.read.release();
        launch.page_fd = dup(page_->fd());
        launch.output_fd = output_.read.release();
        launch.errors_fd = errors_.read.release();
        launch.ended_fd = tree_ended_.get();
        guardian_.write.reset();
        output_.write.reset();
        errors_.write.reset();
        auto collector = Collector::create(std::move(launch), output, errors);
        _exit(collector ? (*collector)->run() : 99);
    }
    void start_on_file() { start(file_.get(), file_.get()); }

    static void say(const Pipe& pipe, std::string_view text) {
        while (!text.empty()) {
            const ssize_t count = write(pipe.write.get(), text.data(), text.size());
            ASSERT_GT(count, 0) << errno;
            text.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    void end_of_output() {
        output_.write.reset();
        errors_.write.reset();
    }
    int status() {
        const pid_t helper = std::exchange(helper_, -1);
        int status = 0;
        EXPECT_EQ(waitpid(helper, &status, 0), helper);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    // Lets it come to its end, and returns what it did.
    int end() {
        end_of_output();
        return status();
    }
    std::string written() const { return content_of(name_); }

    OutputOptions options_;
    Pipe output_, errors_, guardian_;
    UniqueFd tree_ended_;
    UniqueFd file_;
    std::string name_;
    std::unique_ptr<supervisor::OutputPage> page_;
    rlim_t file_limit_ = 0;
    pid_t helper_ = -1;
};

TEST_F(CollectorTest, WritesLinesAndEndsWithThePipes) {
    options_.prefix = "w: ";
    start_on_file();
    say(output_, "one\ntwo\nunfin");
    say(output_, "ished");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(written(), "w: one\nw: two\nw: unfinished\n");
    EXPECT_EQ(page_->counts(OutputStream::output), (OutputCounts{3, 18, 0}));
    EXPECT_EQ(page_->counts(OutputStream::errors), OutputCounts{});
}

TEST_F(CollectorTest, TheEndOfAWorkloadEndsItsLine) {
    start_on_file();
    say(output_, "last words");
    say(errors_, "and more");
    eventfd_write(tree_ended_.get(), 1);
    ASSERT_TRUE(eventually([&] { return written().size() >= 20; })) << written();
    EXPECT_EQ(written(), "last words\nand more\n");
    EXPECT_THAT(page_->last_lines(), testing::ElementsAre("last words", "and more"));
    say(output_, "next\n");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(written(), "last words\nand more\nnext\n");
    EXPECT_THAT(page_->last_lines(), testing::ElementsAre("last words", "and more"));
}

TEST_F(CollectorTest, TwoStreamsAreKeptApartAndLeftToTheirOwn) {
    Pipe out, err;
    start(out.write.get(), err.write.get());
    out.write.reset();
    err.write.reset();
    say(output_, "to out\n");
    say(errors_, "to err\n");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(all_of(out.read.get()), "to out\n");
    EXPECT_EQ(all_of(err.read.get()), "to err\n");
}

TEST_F(CollectorTest, BinaryJunkAndMegabytesWithoutANewlinePassInPieces) {
    start_on_file();
    std::string junk(3 << 20, '\0');
    for (std::size_t i = 0; i < junk.size(); ++i) junk[i] = static_cast<char>(i * 7919 >> 3);
    std::erase(junk, '\n');
    say(output_, junk);
    EXPECT_EQ(end(), 0);
    std::string text = written();
    const std::string mark = " [...]\n";
    std::size_t pieces = 1;
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; ++pieces) text.erase(at, mark.size());
    EXPECT_EQ(text, junk + '\n');
    EXPECT_EQ(page_->counts(OutputStream::output).lines, pieces);
    EXPECT_GE(pieces, junk.size() / LineSplitter::kLongestLine);
}

// What was read before is at most a read and the beginning of a line; everything else is in the pipe.
TEST_F(CollectorTest, BlockWaitsForItsReaderAndLosesNothing) {
    Pipe out;
    start(out.write.get(), out.write.get());
    out.write.reset();
    std::string expected;
    std::thread workload([&] {
        for (int i = 0; i < 100'000; ++i) expected += "line " + std::to_string(i) + '\n';
        say(output_, expected);
        end_of_output();
    });
    EXPECT_TRUE(eventually([&] { return page_->counts(OutputStream::output).bytes > 60'000; }));
    const auto bytes = page_->counts(OutputStream::output).bytes;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // for what must not happen meanwhile
    EXPECT_EQ(page_->counts(OutputStream::output).bytes, bytes) << "it reads on";
    const std::string got = all_of(out.read.get());
    workload.join();
    EXPECT_EQ(got, expected);
    EXPECT_EQ(end(), 0);
}

TEST_F(CollectorTest, DropReadsOnAndSaysWhatIsMissing) {
    options_.overflow = OutputOverflow::drop;
    options_.buffer = 128 << 10;
    Pipe out;
    start(out.write.get(), out.write.get());
    out.write.reset();
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + '\n';
    say(output_, text);  // nobody reads, and yet this returns
    ASSERT_TRUE(eventually([&] { return page_->counts(OutputStream::output).lines == 100'000; }));
    const auto dropped = page_->counts(OutputStream::output).dropped_lines;
    EXPECT_GT(dropped, 50'000U);
    end_of_output();
    std::istringstream got(all_of(out.read.get()));
    std::uint64_t lines = 0, told = 0;
    for (std::string line; std::getline(got, line);) {
        if (line.starts_with("leasehold: ")) {
            told += std::stoull(line.substr(11));
        } else {
            ++lines;
            EXPECT_TRUE(line.starts_with("line ")) << line;
        }
    }
    EXPECT_EQ(told, dropped);
    EXPECT_EQ(lines + dropped, 100'000U);
    EXPECT_EQ(end(), 0);
}

TEST_F(CollectorTest, WithoutAReaderEverythingIsThrownAway) {
    Pipe out;
    out.read.reset();
    start(out.write.get(), out.write.get());
    for (int i = 0; i < 1000; ++i) say(output_, std::string(1000, 'x') + '\n');
    EXPECT_EQ(end(), 0);
    EXPECT_GT(page_->counts(OutputStream::output).dropped_lines, 900U);
}

TEST_F(CollectorTest, AFullDiskIsWaitedForUnderBlock) {
    file_limit_ = 10'000;
    start_on_file();
    say(output_, std::string(9'990, 'x') + '\n');
    ASSERT_TRUE(eventually([&] { return written().size() == 9'991; }));
    say(output_, "twenty bytes of text\n");
    ASSERT_TRUE(eventually([&] { return written().size() == 10'000; })) << "it takes what there is room for";
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_EQ(ftruncate(file_.get(), 0), 0);
    lseek(file_.get(), 0, SEEK_SET);
    ASSERT_TRUE(eventually([&] { return written().size() == 12; })) << written();
    EXPECT_EQ(written(), "tes of text\n");
    EXPECT_EQ(end(), 0);
}

TEST_F(CollectorTest, AFullDiskDropsUnderDrop) {
    options_.overflow = OutputOverflow::drop;
    options_.buffer = 128 << 10;
    UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
    start(full.get(), full.get());
    for (int i = 0; i < 1000; ++i) say(output_, std::string(999, 'x') + '\n');
    ASSERT_TRUE(eventually([&] { return page_->counts(OutputStream::output).lines == 1000; }));
    EXPECT_GT(page_->counts(OutputStream::output).dropped_lines, 800U);
}

TEST_F(CollectorTest, TheNextOneEndsTheLineThatIsTorn) {
    Pipe out;
    start(out.write.get(), out.write.get());
    say(output_, std::string(150'000, 'x') + '\n');
    ASSERT_TRUE(eventually([&] { return page_->within_line(OutputStream::output); }));
    kill(helper_, SIGKILL);
    waitpid(std::exchange(helper_, -1), nullptr, 0);
    start(out.write.get(), out.write.get());
    out.write.reset();
    std::string got;
    std::thread reader([&] { got = all_of(out.read.get()); });
    say(output_, "whole\n");
    EXPECT_EQ(end(), 0);
    reader.join();
    EXPECT_TRUE(got.ends_with("\nwhole\n")) << got.size();
}

TEST_F(CollectorTest, WithoutAGuardianAReaderThatHangsIsGivenUp) {
    Pipe out;
    start(out.write.get(), out.write.get());
    say(output_, std::string(100'000, 'x') + '\n');
    guardian_.write.reset();
    EXPECT_EQ(status(), 125);
}

TEST_F(CollectorTest, WithoutAGuardianItServesWhoIsLeft) {
    start_on_file();
    guardian_.write.reset();
    say(output_, "still here\n");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(written(), "still here\n");
}

}  // namespace
}  // namespace leasehold::output
