// SPDX-License-Identifier: Apache-2.0
//
// Each of the three killed, and what the others make of it.
#include <csignal>

#include <gtest/gtest.h>

#include "tests/process/candidate.h"

namespace leasehold::process_test {
namespace {

// A main process, and a daemon that has left its process group and session and whose parent is gone.
std::string with_daemon(const Candidate& candidate) {
    return "(setsid sh -c 'trap \"\" TERM HUP; echo $$ > " + candidate.file("daemon") +
           "; while :; do sleep 0.02; done' &) ; echo ready > " + candidate.file("ready") + "; exec sleep 1000";
}

TEST(Crashes, killed_agent_is_started_again_and_finds_the_term_while_the_workload_notices_nothing) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(3);
    for (int number = 2; number <= 3; ++number) {
        kill(candidate.agent(), SIGKILL);
        candidate.next_agent();
        const std::string hello = candidate.expect("supervisor HELLO running term=3 closed=0");
        EXPECT_EQ(number_after(hello, "pid="), workload);
    }
    EXPECT_TRUE(alive(workload));
    candidate.tell_agent("grant 3 600000 900000");
    candidate.tell_agent("revoke 3 orderly");
    candidate.expect("supervisor EMPTY 3 tree in-time");
    EXPECT_FALSE(alive(workload));
}

TEST(Crashes, agent_that_ends_with_a_failure_is_started_again_too) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("exit 1");
    candidate.next_agent();
    candidate.expect("supervisor HELLO idle");
}

TEST(Crashes, term_that_ended_while_there_was_no_agent_is_closed_for_the_next_one) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 2000 60000");
    const pid_t workload = static_cast<pid_t>(number_after(candidate.expect("supervisor STARTED 1"), "pid="));
    kill(candidate.agent(), SIGSTOP);
    EXPECT_TRUE(eventually([&] { return !alive(workload); }));
    EXPECT_TRUE(
        eventually([&] { return candidate.log().find("nothing of the workload is left") != std::string::npos; }));
    kill(candidate.agent(), SIGKILL);
    candidate.next_agent();
    candidate.expect("supervisor HELLO idle term=1 closed=1");
    candidate.tell_agent("grant 1 600000 900000");
    candidate.expect("supervisor EMPTY 1 tree in-time");
}

TEST(Crashes, what_a_killed_supervisor_leaves_is_emptied_by_the_guardian_while_the_agent_lives) {
    Candidate candidate;
    candidate.workload(with_daemon(candidate));
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    content_of(candidate.file("ready"));
    const pid_t daemon = pid_in(candidate.file("daemon"));
    EXPECT_EQ(getsid(daemon), daemon);
    const pid_t agent = candidate.agent();
    kill(candidate.supervisor(), SIGKILL);
    candidate.expect("guardian GONE");
    candidate.expect("guardian EMPTIED 1");
    EXPECT_FALSE(alive(workload));
    EXPECT_FALSE(alive(daemon));
    EXPECT_TRUE(alive(agent));
    candidate.expect("supervisor HELLO idle term=0 closed=1");
    candidate.tell_agent("grant 1 600000 900000");
    candidate.expect("supervisor EMPTY 1 nothing");
    EXPECT_TRUE(alive(candidate.lead(2)));
}

TEST(Crashes, supervisor_killed_while_idle_costs_nothing) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    for (int i = 0; i < 2; ++i) {
        kill(candidate.supervisor(), SIGKILL);
        candidate.expect("guardian EMPTIED 0");
        candidate.expect("supervisor HELLO idle");
    }
    EXPECT_TRUE(alive(candidate.lead(1)));
}

TEST(Crashes, supervisor_killed_while_ending_lets_the_agent_release_all_the_same) {
    Candidate candidate;
    candidate.workload("trap '' TERM; echo ready > " + candidate.file("ready") + "; while :; do sleep 0.02; done");
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    content_of(candidate.file("ready"));
    kill(candidate.guardian(), SIGTERM);
    candidate.expect("supervisor STOPPING 1");
    kill(candidate.supervisor(), SIGKILL);
    candidate.expect("guardian EMPTIED 1");
    candidate.tell_agent("exit 0");
    EXPECT_EQ(candidate.exit_status(), 137);
    EXPECT_TRUE(candidate.nothing_left());
}

TEST(Crashes, supervisor_and_agent_killed_together) {
    Candidate candidate;
    candidate.workload(with_daemon(candidate));
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    const pid_t daemon = pid_in(candidate.file("daemon"));
    kill(candidate.supervisor(), SIGKILL);
    kill(candidate.agent(), SIGKILL);
    candidate.next_agent();
    candidate.expect("supervisor HELLO idle term=0 closed=1");
    EXPECT_FALSE(alive(workload));
    EXPECT_FALSE(alive(daemon));
    EXPECT_TRUE(alive(candidate.lead(2)));
}

TEST(Crashes, supervisor_whose_guardian_was_killed_empties_its_tree_and_ends) {
    Candidate candidate;
    candidate.workload(with_daemon(candidate));
    candidate.spec.workload.stop.grace_period = std::chrono::milliseconds(300);
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    const pid_t daemon = pid_in(candidate.file("daemon"));
    kill(candidate.guardian(), SIGKILL);
    candidate.expect("guardian closed");
    candidate.expect("supervisor STOPPING 1");
    candidate.expect("supervisor EMPTY 1 tree in-time");
    EXPECT_FALSE(alive(workload));
    EXPECT_FALSE(alive(daemon));
    candidate.expect("supervisor closed");
    candidate.tell_agent("exit 0");
    EXPECT_TRUE(candidate.nothing_left());
}

TEST(Crashes, idle_supervisor_whose_guardian_was_killed_ends) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    kill(candidate.guardian(), SIGKILL);
    candidate.expect("supervisor closed");
    candidate.tell_agent("exit 0");
    EXPECT_TRUE(candidate.nothing_left());
}

// An aid, not a promise: the direct child follows a supervisor that dies together with its guardian.
TEST(Crashes, direct_child_dies_with_a_supervisor_that_is_killed_together_with_the_guardian) {
    Candidate candidate;
    candidate.spec.workload.command = {"sleep", "1000"};
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    const pid_t supervisor = candidate.supervisor();
    kill(candidate.guardian(), SIGKILL);
    kill(supervisor, SIGKILL);
    EXPECT_TRUE(eventually([&] { return !alive(workload); }));
}

TEST(Crashes, agent_that_never_ends_does_not_keep_leasehold) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    kill(candidate.agent(), SIGSTOP);
    kill(candidate.guardian(), SIGTERM);
    EXPECT_EQ(candidate.exit_status(), 0);
    EXPECT_TRUE(candidate.nothing_left());
}

TEST(Crashes, as_pid_1_it_works_the_same) {
    Candidate candidate;
    candidate.as_pid_1 = true;
    candidate.workload(with_daemon(candidate));
    if (!candidate.start()) GTEST_SKIP() << "a PID namespace cannot be made here";
    candidate.tell_agent("grant 1 600000 900000");
    candidate.expect("supervisor STARTED 1");
    content_of(candidate.file("ready"));
    content_of(candidate.file("daemon"));
    candidate.tell_agent("revoke 1 kill");
    candidate.expect("supervisor EMPTY 1 tree in-time");
    candidate.tell_agent("grant 2 600000 900000");
    candidate.expect("supervisor STARTED 2");
    const pid_t init = children_of(candidate.guardian()).at(0);  // as seen from outside
    EXPECT_EQ(comm_of(init), "lease-guardian");
    for (const pid_t child : children_of(init)) {
        if (comm_of(child) == "leasehold-super") kill(child, SIGKILL);
    }
    candidate.expect("guardian EMPTIED 2");
    candidate.expect("supervisor HELLO idle term=0 closed=2");
    kill(init, SIGTERM);
    candidate.expect("guardian STOP orderly");
    candidate.tell_agent("exit 0");
    EXPECT_EQ(candidate.exit_status(), 0);
    EXPECT_TRUE(candidate.nothing_left());
}

}  // namespace
}  // namespace leasehold::process_test
