// SPDX-License-Identifier: Apache-2.0
#include "supervisor/terminal.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace leasehold::supervisor {
namespace {

TEST(MeaningOfStop, is_job_control_when_the_workload_has_the_terminal) {
    for (const int signal : {SIGTSTP, SIGSTOP, SIGTTIN, SIGTTOU}) {
        EXPECT_EQ(meaning_of_stop(signal, 30, 10, 30), StopMeaning::suspend) << signal;
    }
}

TEST(MeaningOfStop, is_a_wish_for_the_terminal_that_the_guardian_has) {
    EXPECT_EQ(meaning_of_stop(SIGTTIN, 10, 10, 30), StopMeaning::needs_terminal);
    EXPECT_EQ(meaning_of_stop(SIGTTOU, 10, 10, 30), StopMeaning::needs_terminal);
    EXPECT_EQ(meaning_of_stop(SIGTSTP, 10, 10, 30), StopMeaning::none);
    EXPECT_EQ(meaning_of_stop(SIGSTOP, 10, 10, 30), StopMeaning::none);
}

TEST(MeaningOfStop, is_job_control_in_the_background_but_for_a_stop_by_hand) {
    for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) {
        EXPECT_EQ(meaning_of_stop(signal, 50, 10, 30), StopMeaning::suspend) << signal;
    }
    EXPECT_EQ(meaning_of_stop(SIGSTOP, 50, 10, 30), StopMeaning::none);
}

TEST(Terminal, is_none_by_default_and_then_does_nothing) {
    const Terminal none;
    EXPECT_FALSE(none);
    EXPECT_FALSE(none.is_at_home());
    EXPECT_FALSE(none.hand_over(getpgrp()));
    none.take_back();
    EXPECT_EQ(none.meaning_of_stop(SIGTSTP, getpid()), StopMeaning::none);
    EXPECT_FALSE(Terminal::of(0));
    EXPECT_FALSE(Terminal::of(-1));
}

int wait_for(pid_t child, int options) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, options), child);
    return status;
}

TEST(StoppedBy, tells_each_stop_once_and_leaves_the_end_to_others) {
    const pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(5);
    }
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED | WNOWAIT), 0);
    EXPECT_EQ(stopped_by(child), SIGSTOP);
    EXPECT_EQ(stopped_by(child), std::nullopt);
    kill(child, SIGCONT);
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(stopped_by(child), std::nullopt);
    EXPECT_EQ(WEXITSTATUS(wait_for(child, 0)), 5);
    EXPECT_EQ(stopped_by(child), std::nullopt);
}

// In a child: `new_session` makes its group an orphaned one, which nobody could continue.
pid_t suspends_itself(bool new_session) {
    const pid_t child = fork();
    if (child != 0) return child;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    new_session ? static_cast<void>(setsid()) : static_cast<void>(setpgid(0, 0));
    kill(getpid(), SIGCONT);  // an earlier one must not be taken for the one that continues it
    _exit(suspend_own_group() ? 1 : 0);
}

TEST(SuspendOwnGroup, stops_until_it_is_continued) {
    // The test itself must be able to continue it: in a session of the two, so that the group is not orphaned.
    const pid_t shell = fork();
    if (shell == 0) {
        setsid();
        const pid_t job = suspends_itself(false);
        int status = 0;
        const bool stopped = waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status);
        kill(job, SIGCONT);
        const bool told = waitpid(job, &status, 0) == job && WIFEXITED(status) && WEXITSTATUS(status) == 1;
        _exit(stopped && told ? 0 : 1);
    }
    EXPECT_EQ(wait_for(shell, 0), 0);
}

TEST(SuspendOwnGroup, does_nothing_where_nobody_would_continue_it) {
    const int status = wait_for(suspends_itself(true), WUNTRACED);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace leasehold::supervisor
