// SPDX-License-Identifier: Apache-2.0
#include "supervisor/signals.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/pid_1.h"

namespace leasehold::supervisor {
namespace {

constexpr unsigned kLimitSeconds = 30;

// How a child ends that does this.
int status_of(const std::function<int()>& life) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(kLimitSeconds);
        _exit(life());
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

struct Pipe {
    Pipe() { EXPECT_EQ(pipe(ends.data()), 0); }
    ~Pipe() {
        for (const int end : ends) close(end);
    }
    void say() { EXPECT_EQ(write(ends[1], "x", 1), 1); }

    std::array<int, 2> ends{};
};

bool is_pending(int signal) {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, signal) == 1;
}

// Signals that come before the word, and never a word.
int is_told_nothing(const std::function<void()>& first) {
    Pipe word;
    return status_of([&] {
        first();
        const EarlySignals signals;
        for (const int signal : {SIGCHLD, SIGINT, SIGTERM}) raise(signal);
        return signals.wait_for(word.ends[0]) ? 1 : 2;
    });
}

// SIGINT has the lower number: of several the kernel delivers it first.
TEST(EarlySignals, end_who_is_told_nothing) {
    const int status = is_told_nothing([] {});
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
}

TEST(EarlySignals, do_nothing_where_they_were_ignored) {
    const int status = is_told_nothing([] { signal(SIGINT, SIG_IGN); });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
}

TEST(EarlySignals, wait_where_they_were_blocked) {
    const int status = is_told_nothing([] {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, nullptr);
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
}

TEST(EarlySignals, are_kept_for_who_has_been_told) {
    Pipe word;
    word.say();
    const int status = status_of([&] {
        const EarlySignals signals;
        raise(SIGINT);
        return signals.wait_for(word.ends[0]) && is_pending(SIGINT) ? 0 : 1;
    });
    EXPECT_EQ(status, 0);
}

TEST(EarlySignals, are_kept_by_pid_1_until_it_is_told) {
    Pipe word;
    const int status = status_of([&] {
        harness::go_on_as_pid_1();
        const EarlySignals signals;
        raise(SIGINT);
        if (fork() == 0) {
            signals.let_through();
            word.say();
            _exit(0);
        }
        return signals.wait_for(word.ends[0]) && is_pending(SIGINT) ? 0 : 1;
    });
    if (WIFEXITED(status) && WEXITSTATUS(status) == harness::kNotPossible) GTEST_SKIP() << "no PID namespaces here";
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace leasehold::supervisor
