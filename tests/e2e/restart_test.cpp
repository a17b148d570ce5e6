// SPDX-License-Identifier: Apache-2.0
//
// workload.restart, seen from outside: what follows when the workload ends by itself.
#include <csignal>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/with_runs.h"

namespace leasehold::harness {
namespace {

class Restart : public WithRuns {
protected:
    Candidate& start_with(const std::string& name, std::vector<std::string> command, const std::string& restart) {
        return start(name, {.command = std::move(command), .workload = fmt::format("  restart: {{{}}}\n", restart)});
    }
};

TEST_F(Restart, AFailureIsStartedAgainWithinTheTermAndASuccessEndsTheWork) {
    const std::string once = folder_.path("once");
    Candidate& only = start_with("only", that_writes(fmt::format("test -e {0} && exit 0; touch {0}; exit 3", once)),
                                 "policy: on-failure, initial_backoff: 100ms");
    EXPECT_EQ(only.process().wait(), 0) << only.log();
    ASSERT_EQ(runs().size(), 2U) << only.log();
    EXPECT_EQ(runs()[0], runs()[1]) << "another token, so another term";
    EXPECT_NE(only.log().find("starting the workload again in"), std::string::npos) << only.log();
    Candidate& next = start_with("next", {"true"}, "policy: never");
    EXPECT_EQ(next.process().wait(), 0) << "the lease was not released\n" << next.log();
}

TEST_F(Restart, WhatDoesNotCountAsFailureCanBeSaid) {
    Candidate& only = start_with("only", that_writes("exit 4"), "policy: on-failure, success_exit_codes: [0, 4]");
    EXPECT_EQ(only.process().wait(), 4);
    EXPECT_EQ(runs().size(), 1U);
}

TEST_F(Restart, APauseIsShownAndLongerThanTheLeaseKeepsIt) {
    Candidate& leader = start_with("leader", that_writes("test -e go || exit 1; exec sleep 1000"),
                                   "policy: always, initial_backoff: 2500ms, max_backoff: 2500ms, give_up_after: 0");
    ASSERT_TRUE(has_runs(1)) << leader.log();
    Candidate& standby = start_with("standby", that_writes("exec sleep 1000"), "policy: never");
    EXPECT_TRUE(shows(leader, "/status", "\"backoff\"")) << leader.log();
    EXPECT_TRUE(shows(leader, "/metrics", "leasehold_workload_state{state=\"backoff\"} 1"));
    EXPECT_TRUE(shows(standby, "/status", "leader"));
    ASSERT_TRUE(has_runs(3)) << leader.log();
    for (const std::string& run : runs()) EXPECT_EQ(run, runs().front());
    leader.process().signal(SIGTERM);
    ASSERT_TRUE(eventually([&] { return runs().back().starts_with("standby "); })) << standby.log();
}

TEST_F(Restart, StoppedInAPauseLeaseholdEndsAtOnceAndReleases) {
    Candidate& leader = start_with("leader", that_writes("exit 9"),
                                   "policy: always, initial_backoff: 1h, max_backoff: 1h, give_up_after: 0");
    ASSERT_TRUE(logs(leader, "starting the workload again in")) << leader.log();
    leader.process().signal(SIGTERM);
    EXPECT_EQ(leader.process().wait(), 9) << leader.log();
    Candidate& next = start_with("next", {"true"}, "policy: never");
    EXPECT_EQ(next.process().wait(), 0) << next.log();
}

// A crash loop leads to a healthy leader elsewhere, and comes back when its cooldown is over.
TEST_F(Restart, WhoGivesUpResignsAndDoesNotContendForAWhile) {
    const std::string well = folder_.path("well");
    Candidate& sick =
        start_with("sick", that_writes(fmt::format("test -e {} || exit 1; exec sleep 1000", well)),
                   "policy: on-failure, initial_backoff: 10ms, max_backoff: 10ms, give_up_after: 2, cooldown: 3s");
    ASSERT_TRUE(has_runs(1)) << sick.log();
    Candidate& healthy = start_with("healthy", that_writes("test $LEASEHOLD_TRANSITIONS -gt 2 || sleep 1; exit 0"),
                                    "policy: never, then: resign, cooldown: 1h");
    ASSERT_TRUE(logs(sick, "resigned; not contending for 3s")) << sick.log();
    ASSERT_TRUE(has_runs(4)) << healthy.log();
    EXPECT_TRUE(runs()[2].starts_with("sick ")) << "one start and two more";
    EXPECT_TRUE(runs()[3].starts_with("healthy ")) << "it took the lease again";
    write_file(well, "");
    ASSERT_TRUE(has_runs(5)) << sick.log();
    EXPECT_TRUE(runs()[4].starts_with("sick ")) << sick.log();
    EXPECT_NE(runs()[4], runs()[0]) << "the same term";
    EXPECT_TRUE(logs(healthy, "resigned; not contending for 1h")) << healthy.log();
}

TEST_F(Restart, WhoHoldsKeepsTheLeaseWithoutAWorkload) {
    Candidate& leader = start_with("leader", that_writes("exit 5"), "policy: never, then: hold");
    ASSERT_TRUE(logs(leader, "holding the lease without")) << leader.log();
    Candidate& standby = start_with("standby", that_writes("exec sleep 1000"), "policy: never");
    ASSERT_TRUE(logs(standby, "holds the lease")) << standby.log();
    EXPECT_TRUE(shows(leader, "/status", "\"held\""));
    EXPECT_TRUE(shows(leader, "/metrics", "leader_election_master_status{name=\"test\"} 1"));
    let_pass(std::chrono::seconds(2));
    EXPECT_EQ(runs().size(), 1U) << "somebody else leads, or it was started again";
    leader.process().signal(SIGTERM);
    EXPECT_EQ(leader.process().wait(), 5) << leader.log();
    ASSERT_TRUE(has_runs(2)) << standby.log();
}

TEST_F(Restart, ACommandThatCannotBeExecutedCountsAsAFailure) {
    Candidate& only =
        start_with("only", {folder_.path("none")},
                   "policy: on-failure, initial_backoff: 10ms, max_backoff: 10ms, give_up_after: 2, then: exit");
    EXPECT_EQ(only.process().wait(), 127) << only.log();
}

// An agent's crash does not end the term. A supervisor's does, and the next one begins anew.
TEST_F(Restart, ACrashInAPauseIsSurvived) {
    for (const char* role : {"leasehold-agent", "leasehold-super"}) {
        SCOPED_TRACE(role);
        const std::size_t before = runs().size();
        Candidate& leader = start_with(std::string("of-") + role, that_writes("exit 1"),
                                       "policy: always, initial_backoff: 3s, max_backoff: 3s, give_up_after: 0");
        ASSERT_TRUE(logs(leader, "starting the workload again in")) << leader.log();
        kill(leader.role(role), SIGKILL);
        ASSERT_TRUE(has_runs(before + 2)) << leader.log();
        EXPECT_EQ(runs()[before] == runs()[before + 1], role == std::string("leasehold-agent")) << leader.log();
        leader.process().signal(SIGTERM);
        EXPECT_TRUE(leader.process().wait()) << leader.log();
    }
}

}  // namespace
}  // namespace leasehold::harness
