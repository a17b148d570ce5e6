// SPDX-License-Identifier: Apache-2.0
//
// The two deadlines and who enforces them when somebody hangs.
#include <csignal>

#include <gtest/gtest.h>

#include "tests/process/candidate.h"

namespace leasehold::process_test {
namespace {

std::string ignoring_term(const Candidate& candidate) {
    return "trap '' TERM; echo $$ > " + candidate.file("ready") + "; while :; do sleep 0.02; done";
}

// Of the form "EMPTY 1 tree in-time": whether it was before the hard instant is what the supervisor itself measured.
TEST(Deadlines, soft_instant_asks_and_a_workload_that_obeys_is_gone_in_time) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 1000 60000");
    candidate.expect("supervisor STARTED 1");
    candidate.expect("supervisor STOPPING 1");
    candidate.expect("supervisor EXITED 1 status=143 signal");
    candidate.expect("supervisor EMPTY 1 tree in-time");
    const pid_t again = candidate.lead(2);  // leasehold goes on
    EXPECT_TRUE(alive(again));
}

TEST(Deadlines, hard_instant_kills_a_workload_that_does_not_obey) {
    Candidate candidate;
    candidate.workload(ignoring_term(candidate));
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 1000 1800");
    candidate.expect("supervisor STARTED 1");
    candidate.expect("supervisor STOPPING 1");
    candidate.expect("supervisor KILLED 1");
    candidate.expect("supervisor EXITED 1 status=137 signal");
    candidate.expect("supervisor EMPTY 1 tree");
}

TEST(Deadlines, grace_period_kills_before_the_hard_instant) {
    Candidate candidate;
    candidate.workload(ignoring_term(candidate));
    candidate.spec.workload.stop.grace_period = std::chrono::milliseconds(200);
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    content_of(candidate.file("ready"));
    candidate.tell_agent("revoke 1 orderly");
    candidate.expect("supervisor STOPPING 1");
    candidate.expect("supervisor KILLED 1");
    candidate.expect("supervisor EMPTY 1 tree in-time");
}

TEST(Deadlines, renewals_keep_the_workload_past_the_first_instants) {
    Candidate candidate;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 3000 4000");
    const pid_t workload = static_cast<pid_t>(number_after(candidate.expect("supervisor STARTED 1"), "pid="));
    candidate.tell_agent("grant 1 600000 900000");
    candidate.tell_agent("ping 1");
    candidate.expect("supervisor PONG 1");
    const auto started = std::chrono::steady_clock::now();
    EXPECT_TRUE(
        eventually([&] { return std::chrono::steady_clock::now() - started > std::chrono::milliseconds(4500); }));
    EXPECT_TRUE(alive(workload));
}

TEST(Deadlines, grant_that_comes_late_starts_nothing) {
    Candidate candidate;
    candidate.workload("echo ran > " + candidate.file("ran"));
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 0 60000");
    candidate.expect("supervisor EMPTY 1 nothing");
    candidate.tell_agent("grant 1 60000 90000");
    candidate.expect("supervisor EMPTY 1 nothing");
    EXPECT_NE(access(candidate.file("ran").c_str(), F_OK), 0);
}

TEST(Deadlines, revoke_by_kill_gives_no_grace) {
    Candidate candidate;
    candidate.workload(ignoring_term(candidate));
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    candidate.tell_agent("revoke 1 kill");
    candidate.expect("supervisor KILLED 1");
    candidate.expect("supervisor EMPTY 1 tree in-time");
    EXPECT_FALSE(alive(workload));
    candidate.tell_agent("revoke 1 kill");
    candidate.expect("supervisor EMPTY 1 tree in-time");  // the same answer again
}

TEST(Deadlines, stopped_agent_ends_the_term) {
    Candidate candidate;
    candidate.workload(ignoring_term(candidate));
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 1500 2500");
    const pid_t workload = static_cast<pid_t>(number_after(candidate.expect("supervisor STARTED 1"), "pid="));
    kill(candidate.agent(), SIGSTOP);
    EXPECT_TRUE(eventually([&] { return !alive(workload); }));
    kill(candidate.agent(), SIGCONT);
    candidate.expect("supervisor KILLED 1");
    candidate.expect("supervisor EMPTY 1 tree");
}

TEST(Deadlines, stopped_supervisor_is_replaced_by_the_guardian_at_the_hard_instant) {
    Candidate candidate;
    candidate.workload("setsid sh -c 'trap \"\" TERM HUP; echo $$ > " + candidate.file("daemon") +
                       "; while :; do sleep 0.02; done' & " + ignoring_term(candidate));
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 1500 2500");
    const pid_t workload = static_cast<pid_t>(number_after(candidate.expect("supervisor STARTED 1"), "pid="));
    const pid_t daemon = pid_in(candidate.file("daemon"));
    const pid_t supervisor = candidate.supervisor();
    kill(supervisor, SIGSTOP);
    candidate.expect("guardian GONE");
    candidate.expect("guardian EMPTIED 1");
    EXPECT_FALSE(alive(workload));
    EXPECT_FALSE(alive(daemon));
    EXPECT_FALSE(alive(supervisor));
    candidate.expect("supervisor HELLO idle term=0 closed=1");
    EXPECT_TRUE(alive(candidate.lead(2)));
}

}  // namespace
}  // namespace leasehold::process_test
