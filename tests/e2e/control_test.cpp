// SPDX-License-Identifier: Apache-2.0
//
// The commands to a running leasehold, seen from outside.
#include <csignal>
#include <filesystem>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/control_fixture.h"

namespace leasehold::harness {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Control : public WithControl {};

TEST_F(Control, StatusSaysWhoLeadsAndWhyNot) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    Candidate& standby = start_with("standby");
    ASSERT_TRUE(logs(standby, "holds the lease")) << standby.log();
    const Said first = run({"status", "--config", folder_.path("leader.yaml")});
    EXPECT_EQ(first.status, 0) << first.text;
    EXPECT_THAT(first.text, HasSubstr("test: this candidate LEADS since "));
    EXPECT_THAT(first.text, HasSubstr("leader: acquired the lease, term 1"));
    const Said second = tell("standby", {"status"});
    EXPECT_THAT(second.text, HasSubstr("test: standby; leader leads since "));
    EXPECT_THAT(second.text, HasSubstr("why not leader leader holds the lease; it is free in "));
    const json status = status_of("leader");
    EXPECT_EQ(status["identity"], "leader");
    EXPECT_EQ(status["paused"], false);
    EXPECT_GT(status["lease_left_seconds"], status["hard_in_seconds"]);

    leader.process().signal(SIGTERM);
    EXPECT_TRUE(leader.process().wait());
    EXPECT_FALSE(std::filesystem::exists(socket_of("leader"))) << "the socket stays";
    const Said nobody = tell("leader", {"status"});
    EXPECT_EQ(nobody.status, 125);
    EXPECT_THAT(nobody.text, HasSubstr("no leasehold answers at "));
}

TEST_F(Control, StatusCanBeWatched) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    std::filesystem::remove(folder_.path("said"));
    Process watching = begin({"status", "--watch", "--json", "--socket", socket_of("leader")});
    const auto lines = [&] {
        const std::string text = read_file(folder_.path("said"));
        return std::count(text.begin(), text.end(), '\n');
    };
    EXPECT_TRUE(eventually([&] { return lines() >= 2; }));
    watching.signal(SIGINT);
    EXPECT_EQ(watching.wait(), 128 + SIGINT);
}

TEST_F(Control, ResigningHandsOverAfterTheWorkloadsOwnTime) {
    // Takes longer to end than a lease lasts.
    Candidate& leader =
        start_with("leader", "cooldown: 1h", that_writes("trap 'sleep 2; exit 0' TERM; while :; do sleep 0.05; done"));
    ASSERT_TRUE(leads("leader")) << leader.log();
    Candidate& standby = start_with("standby");
    ASSERT_TRUE(logs(standby, "holds the lease")) << standby.log();
    const Said refused = tell("standby", {"resign"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.text, HasSubstr("cannot resign: it does not lead; leader does"));

    const Said said = tell("leader", {"resign"});
    EXPECT_EQ(said.status, 0) << said.text << leader.log();
    EXPECT_THAT(said.text, HasSubstr("resigned: the lease is released"));
    EXPECT_THAT(leader.log(), HasSubstr("leader: asked to resign; stopping the workload"));
    EXPECT_THAT(leader.log(), HasSubstr("released the lease"));
    EXPECT_EQ(leader.log().find("killing the workload"), std::string::npos) << leader.log();
    EXPECT_TRUE(leads("standby")) << standby.log();
    EXPECT_TRUE(logs(leader, "resigned; not contending for 1h"));
    const Said page = tell("leader", {"status"});
    EXPECT_THAT(page.text, HasSubstr("it has resigned, and rests for another "));
    EXPECT_TRUE(leader.process().running()) << "it ended";
}

TEST_F(Control, ResigningNeedNotBeWaitedForAndComesBackAfterTheCooldown) {
    Candidate& only = start_with("only", "cooldown: 1s");
    ASSERT_TRUE(leads("only")) << only.log();
    const json before = status_of("only");
    EXPECT_EQ(tell("only", {"resign", "--no-wait", "--json"}).status, 0);
    EXPECT_TRUE(eventually([&] { return status_of("only")["term"] == 0; })) << only.log();
    ASSERT_TRUE(leads("only")) << only.log();
    EXPECT_GT(status_of("only")["fencing_token"], before["fencing_token"]);
}

// Without a head start whoever is faster would lead.
TEST_F(Control, ResigningInFavourOfSomebodyGivesThatOneAHeadStart) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    for (const char* name : {"one", "two", "three"}) {
        ASSERT_TRUE(logs(start_with(name), "holds the lease"));
    }
    std::string now_leading = "leader";
    for (const char* next : {"three", "one", "two"}) {
        EXPECT_EQ(tell(now_leading, {"resign", "--to", now_leading}).status, 1) << "in its own favour";
        const Said said = tell(now_leading, {"resign", "--to", next});
        EXPECT_EQ(said.status, 0) << said.text;
        ASSERT_TRUE(leads(next)) << candidate_named(next).log();
        now_leading = next;
    }
}

TEST_F(Control, ASuccessorThatIsNotThereIsNotWaitedForLong) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    Candidate& standby = start_with("standby");
    ASSERT_TRUE(logs(standby, "holds the lease")) << standby.log();
    EXPECT_EQ(tell("leader", {"resign", "--to", "nobody"}).status, 0);
    EXPECT_TRUE(leads("standby")) << standby.log();
    EXPECT_THAT(standby.log(), HasSubstr("meant for nobody"));
}

TEST_F(Control, APausedLeaderStartsNothingByItself) {
    Candidate& leader =
        start_with("leader", "policy: always, initial_backoff: 10ms, max_backoff: 10ms",
                   that_writes(fmt::format("while ! test -e {}; do sleep 0.02; done; exit 3", folder_.path("end"))));
    ASSERT_TRUE(leads("leader")) << leader.log();
    Candidate& standby = start_with("standby");
    ASSERT_TRUE(logs(standby, "holds the lease")) << standby.log();
    EXPECT_EQ(tell("leader", {"pause"}).status, 0);
    write_file(folder_.path("end"), "");
    ASSERT_TRUE(eventually([&] { return status_of("leader")["workload"]["state"] == "held"; })) << leader.log();
    EXPECT_EQ(status_of("leader")["leading"], true);
    EXPECT_THAT(tell("leader", {"status"}).text, HasSubstr("nothing is done by itself until 'leasehold resume'"));

    // A pause outlives the agent, and the supervisor that was told of it.
    kill(leader.role("leasehold-agent"), SIGKILL);
    EXPECT_TRUE(eventually([&] { return status_of("leader")["leading"] == true; })) << leader.log();
    EXPECT_EQ(status_of("leader")["paused"], true);
    let_pass(std::chrono::seconds(2));
    EXPECT_EQ(runs().size(), 1U) << leader.log();

    std::filesystem::remove(folder_.path("end"));
    EXPECT_EQ(tell("leader", {"resume"}).status, 0);
    EXPECT_TRUE(has_runs(2)) << leader.log();
    EXPECT_TRUE(leads("leader")) << leader.log();
    EXPECT_EQ(status_of("leader")["paused"], false);
}

TEST_F(Control, APausedLeaderDoesNotEndWithItsWorkloadUntilResumed) {
    const std::string end = folder_.path("end");
    Candidate& leader = start_with("leader", "policy: never",
                                   that_writes(fmt::format("while ! test -e {}; do sleep 0.02; done; exit 7", end)));
    ASSERT_TRUE(leads("leader")) << leader.log();
    EXPECT_EQ(tell("leader", {"pause"}).status, 0);
    write_file(end, "");
    ASSERT_TRUE(eventually([&] { return status_of("leader")["workload"]["state"] == "held"; })) << leader.log();
    EXPECT_TRUE(leader.process().running());
    EXPECT_EQ(tell("leader", {"resume"}).status, 0);
    EXPECT_EQ(leader.process().wait(), 7) << leader.log();
}

TEST_F(Control, APausedStandbyDoesNotContend) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    Candidate& standby = start_with("standby");
    ASSERT_TRUE(logs(standby, "holds the lease")) << standby.log();
    EXPECT_EQ(tell("standby", {"pause"}).status, 0);
    EXPECT_THAT(tell("standby", {"pause"}).text, HasSubstr("it was paused already"));
    kill(standby.role("leasehold-super"), SIGKILL);
    leader.process().signal(SIGTERM);
    EXPECT_TRUE(leader.process().wait());
    let_pass(std::chrono::seconds(2));
    EXPECT_EQ(status_of("standby")["role"], "standby") << standby.log();
    EXPECT_THAT(tell("standby", {"status"}).text, HasSubstr("it is paused ('leasehold resume' ends that)"));
    EXPECT_EQ(tell("standby", {"resume"}).status, 0);
    EXPECT_TRUE(leads("standby")) << standby.log();
}

TEST_F(Control, TheWorkloadIsStartedAnewWithinTheTerm) {
    Candidate& leader = start_with("leader", "policy: never", that_writes("exec sleep 1000"));
    ASSERT_TRUE(leads("leader")) << leader.log();
    const json before = status_of("leader");
    const Said said = tell("leader", {"restart"});
    EXPECT_EQ(said.status, 0) << said.text;
    EXPECT_THAT(said.text, HasSubstr("started the workload anew, process "));
    EXPECT_TRUE(has_runs(2));
    const json after = status_of("leader");
    EXPECT_EQ(after["fencing_token"], before["fencing_token"]);
    EXPECT_NE(after["workload"]["pid"], before["workload"]["pid"]);

    Candidate& standby = start_with("standby");
    ASSERT_TRUE(logs(standby, "holds the lease")) << standby.log();
    const Said refused = tell("standby", {"restart"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.text, HasSubstr("nothing to start anew: it does not lead; leader does"));
    EXPECT_TRUE(logs(standby, "'restart' is refused: nothing to start anew: it does not lead; leader does"));
}

TEST_F(Control, ASocketThatCannotBeMadeIsSaidBeforeAnythingStarts) {
    Candidate& living = start_with("living", "policy: never", that_writes("exec sleep 1000"));
    ASSERT_TRUE(leads("living")) << living.log();
    Candidate& second = start("second", {.command = that_writes("exec sleep 1000"),
                                         .extra = fmt::format("control: {{socket: {}}}\n", socket_of("living"))});
    EXPECT_EQ(second.process().wait(), 125);
    EXPECT_THAT(second.log(), HasSubstr("another leasehold, which is running, answers there"));
    EXPECT_EQ(runs().size(), 1U);
    EXPECT_EQ(status_of("living")["identity"], "living") << "its socket was taken";

    // What a killed one leaves does not stand in the way of the next.
    living.kill_all();
    EXPECT_TRUE(living.process().wait());
    ASSERT_TRUE(std::filesystem::exists(socket_of("living")));
    EXPECT_EQ(tell("living", {"status"}).status, 125);
    Candidate& third = start("third", {.command = that_writes("exec sleep 1000"),
                                       .extra = fmt::format("control: {{socket: {}}}\n", socket_of("living"))});
    EXPECT_TRUE(leads("living")) << third.log();
    EXPECT_EQ(status_of("living")["identity"], "third");
}

TEST_F(Control, AStoppedAgentIsSaidToBeOne) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    const pid_t agent = leader.role("leasehold-agent");
    kill(agent, SIGSTOP);
    Process asking = begin({"status", "--socket", socket_of("leader")});
    kill(agent, SIGKILL);  // the next one answers whoever has not been answered
    const auto status = asking.wait();
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(leads("leader")) << leader.log();
}

TEST_F(Control, WhatIsMeantHasToBeSaid) {
    const Said neither = run({"status"});
    EXPECT_EQ(neither.status, 2);
    EXPECT_THAT(neither.text, HasSubstr("either --config FILE or --socket PATH"));
    write_file(folder_.path("none.yaml"), "election: {name: test}\n");
    const Said none = run({"resign", "--config", folder_.path("none.yaml")});
    EXPECT_EQ(none.status, 2);
    EXPECT_THAT(none.text, HasSubstr("control.socket is not set"));
    const Said nobody = run({"pause", "--socket", folder_.path("nobody.sock"), "--json"});
    EXPECT_EQ(nobody.status, 125);
    EXPECT_THAT(nobody.text, HasSubstr("\"no_answer\""));
}

}  // namespace
}  // namespace leasehold::harness
