// SPDX-License-Identifier: Apache-2.0
//
// Starting, stopping, and with which status leasehold ends.
#include <algorithm>
#include <csignal>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/process/candidate.h"

namespace leasehold::process_test {
namespace {

// An agent that stops in order once it is told to: it hears of the empty tree, "releases", and ends.
int stop_in_order(Candidate& candidate) {
    candidate.expect("supervisor EMPTY");
    candidate.tell_agent("exit 0");
    return candidate.exit_status();
}

TEST(Lifecycle, the_three_have_names_and_sessions_of_their_own) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    EXPECT_EQ(comm_of(candidate.guardian()), "lease-guardian");
    EXPECT_EQ(comm_of(candidate.supervisor()), "leasehold-super");
    EXPECT_EQ(getsid(candidate.guardian()), getsid(0));
    EXPECT_EQ(getsid(candidate.supervisor()), candidate.supervisor());
    EXPECT_EQ(getsid(candidate.agent()), candidate.agent());
    EXPECT_EQ(getpgid(workload), workload);
    EXPECT_EQ(parent_of(workload), candidate.supervisor());
}

TEST(Lifecycle, term_signal_stops_the_workload_and_gives_its_status) {
    Candidate candidate;
    candidate.workload("trap 'exit 7' TERM; echo ready > " + candidate.file("ready") +
                       "; while :; do sleep 0.02; done");
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    content_of(candidate.file("ready"));
    kill(candidate.guardian(), SIGTERM);
    candidate.expect("guardian STOP orderly");
    candidate.expect("supervisor EXITED 1 status=7");
    EXPECT_EQ(stop_in_order(candidate), 7);
    EXPECT_TRUE(candidate.nothing_left());
}

TEST(Lifecycle, a_workload_that_dies_of_the_stop_signal_gives_128_and_its_number) {
    Candidate candidate;
    candidate.spec.workload.command = {"sleep", "1000"};
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    kill(candidate.guardian(), SIGINT);
    candidate.expect("supervisor STOPPING 1");
    candidate.expect("supervisor EXITED 1 status=143 signal");
    EXPECT_EQ(stop_in_order(candidate), 143);
}

TEST(Lifecycle, a_stop_signal_of_its_own_is_used) {
    Candidate candidate;
    candidate.spec.workload.command = {"sleep", "1000"};
    candidate.spec.workload.stop.signal = SIGUSR2;
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    kill(candidate.guardian(), SIGTERM);
    EXPECT_EQ(stop_in_order(candidate), 128 + SIGUSR2);
}

TEST(Lifecycle, standby_that_is_told_to_stop_ends_with_0) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    kill(candidate.guardian(), SIGTERM);
    candidate.expect("guardian STOP orderly");
    candidate.tell_agent("grant 1 600000 900000");  // too late: nothing is started any more
    candidate.expect("supervisor EMPTY 1 nothing");
    candidate.tell_agent("exit 0");
    EXPECT_EQ(candidate.exit_status(), 0);
    EXPECT_TRUE(candidate.nothing_left());
}

TEST(Lifecycle, quit_ends_a_standby) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    kill(candidate.guardian(), SIGQUIT);
    candidate.expect("guardian STOP orderly");
    candidate.tell_agent("exit 0");
    EXPECT_EQ(candidate.exit_status(), 0);
}

TEST(Lifecycle, agent_that_gives_up_decides_the_status) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("give-up 124\nexit 0");
    EXPECT_EQ(candidate.exit_status(), 124);
    EXPECT_TRUE(candidate.nothing_left());
}

TEST(Lifecycle, agent_that_gives_up_while_leading_takes_the_workload_with_it) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    candidate.tell_agent("give-up 125\nexit 0");
    EXPECT_EQ(candidate.exit_status(), 125);
    EXPECT_FALSE(alive(workload));
    EXPECT_TRUE(candidate.nothing_left());
}

struct Ending {
    const char* name;
    std::vector<std::string> command;
    int status;
};

class WorkloadEnds : public testing::TestWithParam<Ending> {};

TEST_P(WorkloadEnds, by_itself_and_leasehold_with_the_same_status) {
    Candidate candidate;
    candidate.spec.workload.command = GetParam().command;
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 600000 900000");
    candidate.expect("supervisor EXITED 1 status=" + std::to_string(GetParam().status));
    candidate.expect("supervisor EMPTY 1 tree in-time");
    candidate.expect("guardian STOP orderly");
    candidate.tell_agent("grant 2 600000 900000");  // shutdown has begun
    candidate.expect("supervisor EMPTY 2 nothing");
    candidate.tell_agent("exit 0");
    EXPECT_EQ(candidate.exit_status(), GetParam().status);
    EXPECT_TRUE(candidate.nothing_left());
}

INSTANTIATE_TEST_SUITE_P(Lifecycle, WorkloadEnds,
                         testing::Values(Ending{"with_0", {"true"}, 0},  //
                                         Ending{"with_3", {"sh", "-c", "exit 3"}, 3},
                                         Ending{"by_kill", {"sh", "-c", "kill -9 $$"}, 137},
                                         Ending{"by_segv", {"sh", "-c", "kill -SEGV $$"}, 139},
                                         Ending{"by_realtime_signal", {"sh", "-c", "kill -40 $$"}, 168},
                                         Ending{"never_found", {"no-such-command-anywhere"}, 127},
                                         Ending{"no_such_file", {"/no/such/file"}, 127},
                                         Ending{"may_not_be_executed", {"/etc/passwd"}, 126},
                                         Ending{"is_a_folder", {"/tmp"}, 126}),
                         [](const auto& ending) { return std::string(ending.param.name); });

TEST(Lifecycle, a_script_without_an_interpreter_line_is_not_run_through_a_shell) {
    Candidate candidate;
    const std::string script = candidate.file("script");
    const std::string proof = candidate.file("ran");
    if (FILE* const out = fopen(script.c_str(), "w")) {
        fprintf(out, "echo x > %s\n", proof.c_str());
        fclose(out);
    }
    ASSERT_EQ(chmod(script.c_str(), 0755), 0);
    candidate.spec.workload.command = {script};
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 600000 900000");
    candidate.expect("supervisor EXITED 1 status=126");
    EXPECT_EQ(stop_in_order(candidate), 126);
    EXPECT_NE(access(proof.c_str(), F_OK), 0);
    EXPECT_NE(candidate.log().find("#!"), std::string::npos);
}

TEST(Lifecycle, second_term_signal_kills_the_workload) {
    Candidate candidate;
    candidate.workload("trap '' TERM; echo ready > " + candidate.file("ready") + "; while :; do sleep 0.02; done");
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    content_of(candidate.file("ready"));
    kill(candidate.guardian(), SIGTERM);
    candidate.expect("supervisor STOPPING 1");
    kill(candidate.guardian(), SIGTERM);
    candidate.expect("guardian STOP kill");
    EXPECT_EQ(stop_in_order(candidate), 137);
}

TEST(Lifecycle, third_term_signal_kills_everything) {
    Candidate candidate;
    candidate.workload("trap '' TERM; echo ready > " + candidate.file("ready") + "; while :; do sleep 0.02; done");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    content_of(candidate.file("ready"));
    kill(candidate.supervisor(), SIGSTOP);
    kill(candidate.guardian(), SIGTERM);
    candidate.expect("guardian STOP orderly");
    kill(candidate.guardian(), SIGTERM);
    candidate.expect("guardian STOP kill");
    kill(candidate.guardian(), SIGTERM);
    EXPECT_EQ(candidate.exit_status(), 137);
    EXPECT_FALSE(alive(workload));
    EXPECT_TRUE(candidate.nothing_left());
}

TEST(Lifecycle, agent_that_crashes_while_ending_is_started_again_three_times) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    kill(candidate.guardian(), SIGTERM);
    for (int attempt = 0; attempt < 4; ++attempt) {
        if (attempt > 0) candidate.next_agent();
        candidate.expect("guardian STOP orderly");
        candidate.tell_agent("exit 1");
    }
    EXPECT_EQ(candidate.exit_status(), 0);
    EXPECT_NE(candidate.log().find("not released"), std::string::npos);
}

TEST(Lifecycle, agent_and_supervisor_talk_and_a_deaf_agent_harms_nobody) {
    Candidate candidate;
    candidate.workload("trap 'exit 4' USR1; echo ready > " + candidate.file("ready") +
                       "; while :; do sleep 0.02; done");
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("ping 17");
    candidate.expect("supervisor PONG 17");
    candidate.lead(1);
    content_of(candidate.file("ready"));
    for (int i = 0; i < 20; ++i) candidate.tell_agent("flood 500");  // more answers than its queue holds
    kill(candidate.guardian(), SIGUSR1);
    candidate.expect("supervisor EXITED 1 status=4");
}

TEST(Lifecycle, supervisor_ignores_signals_that_are_sent_to_it_by_hand) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGRTMAX}) kill(candidate.supervisor(), signal);
    EXPECT_TRUE(eventually([&] { return candidate.log().find("SIGHUP from process") != std::string::npos; }));
    candidate.tell_agent("ping 1");
    candidate.expect("supervisor PONG 1");
    EXPECT_TRUE(alive(workload));
}

// A stop for all of the group, which the guardian comes to only when the agent has ended by it.
TEST(Lifecycle, what_ends_the_agent_before_it_has_handed_over_ends_the_guardian_too) {
    const pid_t guardian = fork();
    if (guardian == 0) {
        const auto stop_all = [](const supervisor::CgroupTrial&) -> tl::expected<supervisor::LaunchSpec, int> {
            for (const int signal : {SIGSTOP, SIGTERM}) kill(getppid(), signal);
            raise(SIGTERM);
            return tl::unexpected(1);
        };
        _exit(supervisor::become_guardian(stop_all, [](supervisor::AgentLaunch) { return 1; }));
    }
    EXPECT_TRUE(eventually([&] {
        const auto roles = children_of(guardian);
        return std::any_of(roles.begin(), roles.end(), [](pid_t role) { return state_of(role) == 'Z'; });
    }));
    kill(guardian, SIGCONT);
    int status = 0;
    EXPECT_EQ(waitpid(guardian, &status, 0), guardian);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
}

}  // namespace
}  // namespace leasehold::process_test
