// SPDX-License-Identifier: Apache-2.0
//
// Every test runs in a child process with a standard error of its own, because the log's state is the process's.
#include "base/log.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

namespace leasehold {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr unsigned kHangs = 60;  // seconds after which a child that blocks is ended by SIGALRM

// Runs `body` in a child whose standard error is `target`. Says how it ended; its result is its exit status.
int in_child(int target, const std::function<int()>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(kHangs);
        dup2(target, STDERR_FILENO);
        _exit(body());
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status) << " (SIGALRM: it blocked)";
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
        out.reset(ends[0]);
        in.reset(ends[1]);
    }
    // What is in it now, at most.
    std::string drain() const {
        std::string all;
        std::array<char, 65536> some{};
        fcntl(out.get(), F_SETFL, O_NONBLOCK);
        for (ssize_t count = 0; (count = read(out.get(), some.data(), some.size())) > 0;) {
            all.append(some.data(), static_cast<std::size_t>(count));
        }
        return all;
    }

    UniqueFd out;
    UniqueFd in;
};

std::string logged(const log::Options& options, const std::function<void()>& body) {
    const Pipe pipe;
    in_child(pipe.in.get(), [&] {
        log::init(options, "agent");
        body();
        return 0;
    });
    return pipe.drain();
}

TEST(Log, writes_a_line_of_text) {
    const std::string line = logged({}, [] { log::warn("{} of {}", 1, "two"); });
    EXPECT_THAT(line, MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warn  agent: "
                                   "1 of two\n"));
}

TEST(Log, writes_a_line_of_json) {
    const std::string line =
        logged({.format = log::Format::json}, [] { log::error("no \"way\" \\ back\n\t\r\x01 \u00e4"); });
    EXPECT_THAT(line,
                MatchesRegex("\\{\"time\":\"[^\"]+Z\",\"level\":\"error\",\"process\":\"agent\",\"message\":.*\\}\n"));
    EXPECT_THAT(line, HasSubstr(R"("message":"no \"way\" \\ back\n\t\r\u0001 )"
                                "\u00e4\"}"));
}

TEST(Log, a_text_of_several_lines_stays_one_line) {
    const std::string line =
        logged({}, [] { log::info("a \"quoted\" \\ word\n2026-01-01 info  guardian: forged\x1b[2J"); });
    EXPECT_THAT(line, EndsWith("agent: a \"quoted\" \\ word\\n2026-01-01 info  guardian: forged\\u001b[2J\n"));
}

TEST(Log, filters_by_level) {
    const auto all = [] {
        log::debug("one");
        log::info("two");
        log::warn("three");
        log::error("four");
    };
    EXPECT_THAT(logged({.level = log::Level::debug}, all), HasSubstr("debug agent: one\n"));
    EXPECT_THAT(logged({.level = log::Level::info}, all), Not(HasSubstr("one")));
    const std::string warnings = logged({.level = log::Level::warn}, all);
    EXPECT_THAT(warnings, Not(HasSubstr("two")));
    EXPECT_THAT(warnings, HasSubstr("three"));
    EXPECT_THAT(logged({.level = log::Level::error}, all), MatchesRegex("[^\n]*error agent: four\n"));
}

TEST(Log, tells_a_line_that_comes_again_and_again_once_and_its_count_at_the_end) {
    const auto thrice = [] {
        for (int i = 0; i < 3; ++i) log::warn("again");
        for (int i = 0; i < 3; ++i) log::info("each");
        log::error("again");
    };
    const std::string text = logged({}, thrice);
    EXPECT_THAT(text, MatchesRegex("([^\n]*warn  agent: again\n)([^\n]*info  agent: each\n){3}"
                                   "([^\n]*error agent: again\n)"));
    const std::string ended = logged({}, [&] {
        thrice();
        std::exit(0);
    });
    EXPECT_THAT(ended, EndsWith("warn  agent: again (repeated 2 times)\n"));
    const std::string twice = logged({}, [] {
        for (int i = 0; i < 2; ++i) log::warn("again");
        std::exit(0);
    });
    EXPECT_THAT(twice, EndsWith("warn  agent: again (repeated once)\n"));
}

TEST(Log, works_before_init) {
    const Pipe pipe;
    in_child(pipe.in.get(), [] {
        log::debug("one");
        log::info("two");
        return 0;
    });
    EXPECT_THAT(pipe.drain(), EndsWith("leasehold: two\n"));
}

// How many lost lines the log owns up to.
std::uint64_t admitted(const std::string& text) {
    static const std::regex kNote("warn  agent: ([0-9]+) log lines were dropped");
    std::uint64_t sum = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), kNote); at != std::sregex_iterator(); ++at) {
        sum += std::stoull((*at)[1]);
    }
    return sum;
}

TEST(Log, drops_and_counts_what_nobody_reads_and_says_so_afterwards) {
    const Pipe pipe;
    const int result = in_child(pipe.in.get(), [&] {
        log::init({}, "agent");
        for (int i = 0; i < 100000 && log::dropped() < 5; ++i) log::info("line {} {}", i, std::string(100, '.'));
        if (log::dropped() != 5) return 1;
        const std::string full = pipe.drain();
        if (!full.ends_with('\n')) return 2;  // no half lines
        if (admitted(full) == 5) return 3;    // at least the last one cannot have been reported yet
        log::info("again");
        log::info("and again");
        const std::string rest = pipe.drain();
        if (admitted(full) + admitted(rest) != 5) return 4;
        return rest.find("agent: again\n") != std::string::npos && log::dropped() == 5 ? 0 : 5;
    });
    EXPECT_EQ(result, 0);
}

TEST(Log, leaves_nothing_of_a_listing_out) {
    const Pipe pipe;
    const int result = in_child(pipe.in.get(), [&] {
        log::init({}, "agent");
        log::warn("again");
        log::warn("again");
        log::listing(log::Level::warn, "a:\n  b\na:\n\n  b");
        log::listing(log::Level::debug, "unseen");
        const std::string all = pipe.drain();
        std::string said;
        std::istringstream lines(all);
        for (std::string line; std::getline(lines, line);) said += line.substr(line.find("agent: ") + 7) + '\n';
        return said == "again\n| a:\n|   b\n| a:\n| \n|   b\n" ? 0 : 1;
    });
    EXPECT_EQ(result, 0);
}

TEST(Log, never_blocks_on_a_socket_either) {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const UniqueFd here(ends[0]);
    const UniqueFd there(ends[1]);
    const int result = in_child(there.get(), [&] {
        log::init({}, "agent");
        for (int i = 0; i < 100000 && log::dropped() == 0; ++i) log::info("{} {}", i, std::string(1000, '.'));
        return log::dropped() > 0 && (fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0 ? 0 : 1;
    });
    EXPECT_EQ(result, 0);
}

TEST(Log, leaves_the_flags_of_standard_error_alone) {
    const Pipe pipe;
    const int before = fcntl(pipe.in.get(), F_GETFL);
    EXPECT_EQ(before & O_NONBLOCK, 0);
    in_child(pipe.in.get(), [] {
        log::init({}, "agent");
        log::info("hello");
        return 0;
    });
    EXPECT_EQ(fcntl(pipe.in.get(), F_GETFL), before);  // the description is shared with the child
}

TEST(Log, shares_a_regular_file_with_the_workload) {
    std::string path = (std::filesystem::temp_directory_path() / "leasehold-log-XXXXXX").string();
    const UniqueFd file(mkstemp(path.data()));
    ASSERT_TRUE(file);
    in_child(file.get(), [] {
        log::init({}, "agent");
        const bool first = write(STDERR_FILENO, "before\n", 7) == 7;
        log::info("between");
        return first && write(STDERR_FILENO, "after\n", 6) == 6 ? 0 : 1;
    });
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    std::filesystem::remove(path);
    EXPECT_THAT(text.str(), MatchesRegex("before\n[^\n]+agent: between\nafter\n"));
}

TEST(Log, reaches_a_pipe_that_belongs_to_another_user) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become someone else";
    const Pipe pipe;
    ASSERT_EQ(fchmod(pipe.in.get(), 0600), 0);
    const int result = in_child(pipe.in.get(), [&] {
        if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) return 1;
        log::init({}, "agent");
        log::info("hello");
        for (int i = 0; i < 100000 && log::dropped() == 0; ++i) log::info("{} {}", i, std::string(100, '.'));
        return log::dropped() > 0 ? 0 : 2;  // and does not block there either
    });
    EXPECT_EQ(result, 0);
    EXPECT_THAT(pipe.drain(), HasSubstr("agent: hello\n"));
}

// What others make up is logged as well: the identity of another candidate, the words of a server.
TEST(Log, a_terminal_obeys_nothing_in_a_line) {
    const std::string line = logged({}, [] {
        log::info(
            "a \x7f b \xc2\x9b"
            "31m c \xc3\xa4 \xc2\xa0 \xc2");
    });
    EXPECT_THAT(line, EndsWith("agent: a \\u007f b \\u009b31m c \xc3\xa4 \xc2\xa0 \xc2\n"));
}

TEST(Log, survives_a_closed_standard_error) {
    const int result = in_child(STDERR_FILENO, [] {
        close(STDERR_FILENO);
        log::init({}, "agent");
        errno = EINTR;  // of something long ago
        log::info("hello");
        return log::dropped() == 1 ? 0 : 1;
    });
    EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace leasehold
