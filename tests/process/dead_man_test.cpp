// SPDX-License-Identifier: Apache-2.0
//
// The last switch: what happens when nobody of leasehold is able to run, and who is ended for not running.
#include <csignal>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "supervisor/dead_man_timer.h"
#include "tests/process/candidate.h"

namespace leasehold::process_test {
namespace {

// Starts a process that arms the timer, and then does `then`. Returns how it ended: 1000 + signal, or its exit code.
int end_of(const std::function<void(supervisor::DeadManTimer&)>& then) {
    const pid_t subject = fork();
    if (subject == 0) {
        auto timer = supervisor::DeadManTimer::create();
        if (!timer) _exit(1);
        (*timer)->arm_in(std::chrono::milliseconds(100));
        then(**timer);
        _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(subject, &status, 0), subject);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(DeadManTimer, kills_a_process_that_is_stopped) {
    EXPECT_EQ(end_of([](auto&) { raise(SIGSTOP); }), 1000 + SIGKILL);
}

TEST(DeadManTimer, kills_a_process_that_blocks_every_signal) {
    EXPECT_EQ(end_of([](auto&) {
                  sigset_t all;
                  sigfillset(&all);
                  sigprocmask(SIG_SETMASK, &all, nullptr);
                  for (;;) pause();
              }),
              1000 + SIGKILL);
}

TEST(DeadManTimer, spares_who_disarms_it_or_sets_it_anew) {
    EXPECT_EQ(end_of([](auto& timer) {
                  for (int i = 0; i < 20; ++i) {  // longer than the timer's first setting, in small steps
                      timer.arm_in(std::chrono::hours(1));
                      usleep(10'000);
                  }
                  timer.arm_in(std::chrono::milliseconds(50));
                  timer.disarm();
                  usleep(100'000);
              }),
              0);
}

TEST(DeadManTimer, is_behind_the_hard_instant_for_who_runs_and_before_the_lease_on_the_faster_clock) {
    using std::chrono::milliseconds;
    const Duration slack = milliseconds(125);
    for (const Duration left : {milliseconds(1), milliseconds(50), milliseconds(750), milliseconds(15'000)}) {
        const Duration delay = supervisor::DeadManTimer::delay_for(left, slack);
        EXPECT_GT(delay, timer_for(left));                     // the supervisor's own next look comes first
        EXPECT_LE(delay + delay / 100 * 8, left + 2 * slack);  // an allowance is twice the slack
    }
}

// ---- with a whole leasehold around it ------------------------------------------------------------------------------

std::string ignoring_term() { return "trap '' TERM HUP INT; while :; do sleep 0.02; done"; }

void stop_all(std::initializer_list<pid_t> processes) {
    for (const pid_t process : processes) ASSERT_EQ(kill(process, SIGSTOP), 0);
}

TEST(Switch, guardian_supervisor_and_agent_stopped_and_the_workload_goes_all_the_same) {
    Candidate candidate;
    candidate.workload(ignoring_term());
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 1500 2500");
    const pid_t workload = static_cast<pid_t>(number_after(candidate.expect("supervisor STARTED 1"), "pid="));
    const pid_t supervisor = candidate.supervisor();
    stop_all({candidate.guardian(), supervisor, candidate.agent()});
    EXPECT_TRUE(eventually([&] { return !alive(workload); }));
    EXPECT_FALSE(alive(supervisor));
    kill(candidate.guardian(), SIGCONT);
    kill(candidate.agent(), SIGCONT);
    candidate.expect("guardian EMPTIED 1");
}

// Everything frozen together, as when the machine was suspended. It is not for the workload to run on after the thaw.
TEST(Switch, what_is_thawed_after_the_hard_instant_is_killed) {
    Candidate candidate;
    candidate.workload(ignoring_term());
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 1000 1500");
    const pid_t workload = static_cast<pid_t>(number_after(candidate.expect("supervisor STARTED 1"), "pid="));
    stop_all({workload, candidate.guardian(), candidate.supervisor(), candidate.agent()});
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - begin > std::chrono::seconds(2); }));
    for (const pid_t process : {workload, candidate.guardian(), candidate.agent()}) kill(process, SIGCONT);
    candidate.expect("guardian EMPTIED 1");
    EXPECT_FALSE(alive(workload));
}

TEST(Switch, a_supervisor_that_the_agent_calls_silent_is_killed_and_its_tree_emptied) {
    Candidate candidate;
    candidate.workload("(setsid sh -c '" + std::string("trap \"\" TERM; echo $$ > ") + candidate.file("daemon") +
                       "; while :; do sleep 0.02; done' &); " + ignoring_term());
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    const pid_t daemon = pid_in(candidate.file("daemon"));
    const pid_t supervisor = candidate.supervisor();
    stop_all({supervisor});
    candidate.tell_agent("silent");
    candidate.expect("guardian GONE");
    candidate.expect("guardian EMPTIED 1");
    for (const pid_t process : {workload, daemon, supervisor}) EXPECT_FALSE(alive(process));
    candidate.expect("supervisor HELLO idle");
    EXPECT_TRUE(alive(candidate.lead(2)));
}

TEST(Switch, an_agent_that_is_stopped_for_good_is_replaced) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    const pid_t agent = candidate.agent();
    stop_all({agent});
    candidate.next_agent();
    EXPECT_NE(candidate.agent(), agent);
    EXPECT_FALSE(alive(agent));
    candidate.expect("supervisor HELLO idle");
    EXPECT_TRUE(alive(candidate.lead(1)));
}

// The agent that takes over while leasehold ends must still hear from a supervisor, or it could not release.
TEST(Switch, supervisor_and_agent_killed_while_leasehold_ends_come_back_to_release) {
    Candidate candidate;
    candidate.workload("trap '' TERM; echo ready > " + candidate.file("ready") + "; while :; do sleep 0.02; done");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    content_of(candidate.file("ready"));
    kill(candidate.guardian(), SIGTERM);
    candidate.expect("guardian STOP orderly");
    const pid_t supervisor = candidate.supervisor();
    kill(candidate.agent(), SIGKILL);
    kill(supervisor, SIGKILL);
    candidate.next_agent();
    candidate.expect("supervisor HELLO idle term=0 closed=1");
    EXPECT_FALSE(alive(workload));
    candidate.tell_agent("grant 2 60000 90000");
    candidate.expect("supervisor EMPTY 2 nothing");
    candidate.tell_agent("exit 0");
    EXPECT_EQ(candidate.exit_status(), 128 + SIGKILL);
}

}  // namespace
}  // namespace leasehold::process_test
