// SPDX-License-Identifier: Apache-2.0
//
// Another configuration for a running leasehold, seen from outside.
#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/control_fixture.h"

namespace leasehold::harness {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Reload : public WithControl {
protected:
    // In the file of a candidate.
    void replace(const std::string& name, const std::string& what, const std::string& with) {
        const std::string path = folder_.path(name + ".yaml");
        std::string text = read_file(path);
        const std::size_t at = text.find(what);
        ASSERT_NE(at, std::string::npos) << text;
        write_file(path, text.replace(at, what.size(), with));
    }

    static std::ptrdiff_t count_lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
    std::string sockets() const { return read_file(folder_.path("sockets")); }

    // What does not change, whatever is reloaded: one workload in one term, of which nobody has noticed anything.
    struct Run {
        json pid;
        json token;
        friend bool operator==(const Run&, const Run&) = default;
    };
    Run run_of(const std::string& name) {
        const json status = status_of(name);
        return {status["workload"]["pid"], status["fencing_token"]};
    }
};

TEST_F(Reload, WhatCanChangeChangesAndTheWorkloadDoesNotNotice) {
    Candidate& leader = start_with("leader", "policy: never", that_writes("exec sleep 1000"));
    ASSERT_TRUE(leads("leader")) << leader.log();
    const Run before = run_of("leader");
    const pid_t agent = leader.role("leasehold-agent");

    replace("leader", "restart: {policy: never}", "restart: {policy: always}\n  env: {COLOUR: green}");
    const Said said = tell("leader", {"reload"});
    EXPECT_EQ(said.status, 0) << said.text;
    EXPECT_THAT(said.text, HasSubstr("in force: workload.restart.policy; "));
    EXPECT_THAT(said.text, HasSubstr("from the next start of the workload on: workload.env"));
    EXPECT_TRUE(leads("leader")) << leader.log();
    EXPECT_EQ(run_of("leader"), before) << leader.log();
    EXPECT_NE(leader.role("leasehold-agent"), agent);
    EXPECT_TRUE(shows(leader, "/metrics", "leasehold_config_last_reload_successful 1"));
    EXPECT_TRUE(shows(leader, "/metrics", "leasehold_agent_restarts_total 0"));
    EXPECT_EQ(status_of("leader")["last_reload"]["number"], 1);

    kill(static_cast<pid_t>(before.pid), SIGKILL);
    EXPECT_TRUE(has_runs(2)) << leader.log();  // the policy counts, and so does the environment
    ASSERT_TRUE(leads("leader")) << leader.log();
    const json pid = status_of("leader")["workload"]["pid"];
    EXPECT_THAT(read_file("/proc/" + std::to_string(static_cast<pid_t>(pid)) + "/environ"), HasSubstr("COLOUR=green"));
}

TEST_F(Reload, ABrokenFileChangesNothing) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    const Run before = run_of("leader");
    const pid_t agent = leader.role("leasehold-agent");

    replace("leader", "retry_period:", "retry_perod:");
    const Said said = tell("leader", {"reload"});
    EXPECT_EQ(said.status, 1) << said.text;
    EXPECT_THAT(said.text, HasSubstr("nothing has changed: "));
    EXPECT_THAT(said.text, HasSubstr("did you mean"));
    EXPECT_TRUE(shows(leader, "/metrics", "leasehold_config_last_reload_successful 0"));
    EXPECT_EQ(run_of("leader"), before) << leader.log();
    EXPECT_EQ(leader.role("leasehold-agent"), agent);

    kill(agent, SIGKILL);  // the next one knows it too
    EXPECT_TRUE(leads("leader")) << leader.log();
    EXPECT_TRUE(shows(leader, "/metrics", "leasehold_config_last_reload_successful 0"));
    EXPECT_EQ(run_of("leader"), before) << leader.log();

    replace("leader", "retry_perod:", "retry_period:");
    const Said mended = tell("leader", {"reload"});
    EXPECT_EQ(mended.status, 0) << mended.text;
    EXPECT_THAT(mended.text, HasSubstr("nothing is different"));
    EXPECT_TRUE(shows(leader, "/metrics", "leasehold_config_last_reload_successful 1"));
}

TEST_F(Reload, AnotherLockIsRefused) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    const Run before = run_of("leader");
    replace("leader", "name: test", "name: other");
    const Said name = tell("leader", {"reload"});
    EXPECT_EQ(name.status, 1);
    EXPECT_THAT(name.text, HasSubstr("election.name: is other instead of test"));
    replace("leader", "name: other", "name: test");
    replace("leader", ".lease", ".another");
    const Said store = tell("leader", {"reload"});
    EXPECT_EQ(store.status, 1);
    EXPECT_THAT(store.text, HasSubstr("election.store: names another lock"));
    EXPECT_EQ(run_of("leader"), before) << leader.log();
}

TEST_F(Reload, WhatCannotChangeIsNamed) {
    Candidate& leader = start_with("leader");
    ASSERT_TRUE(leads("leader")) << leader.log();
    const Run before = run_of("leader");
    replace("leader", socket_of("leader"), socket_of("elsewhere"));
    const Said said = tell("leader", {"reload"});
    EXPECT_EQ(said.status, 0) << said.text;
    EXPECT_THAT(said.text, HasSubstr("as before, because it takes a new start of leasehold: control.socket"));
    EXPECT_EQ(run_of("leader"), before) << leader.log();
}

TEST_F(Reload, TheSignalReachesTheWorkloadToo) {
    Candidate& leader =
        start_with("leader", "policy: never",
                   that_writes("trap 'echo hup >> " + folder_.path("runs") + "' HUP; while :; do sleep 0.05; done"));
    ASSERT_TRUE(leads("leader")) << leader.log();
    const Run before = run_of("leader");
    replace("leader", "policy: never", "policy: always");
    leader.process().signal(SIGHUP);
    EXPECT_TRUE(has_runs(2)) << leader.log();
    EXPECT_TRUE(eventually([&] { return status_of("leader")["last_reload"]["number"] == 1; })) << leader.log();
    EXPECT_EQ(run_of("leader"), before) << leader.log();
}

// The socket for the workload's word was made at the start.
TEST_F(Reload, TheWorkloadKeepsItsWayToSayThatItIsReady) {
    Candidate& leader = start(
        "leader", {.command = that_writes("echo $NOTIFY_SOCKET >> " + folder_.path("sockets") + "; exec sleep 1000"),
                   .extra = "control: {socket: " + socket_of("leader") + "}\n",
                   .workload = "  ready: {notify: true}\n"});
    ASSERT_TRUE(has_runs(1)) << leader.log();
    const Said same = tell("leader", {"reload"});
    EXPECT_THAT(same.text, HasSubstr("nothing is different"));
    replace("leader", "ready: {notify: true}", "ready: {notify: true, start_timeout: 10m}\n  env: {A: b}");
    EXPECT_EQ(tell("leader", {"reload"}).status, 0) << leader.log();
    EXPECT_EQ(tell("leader", {"restart", "--no-wait"}).status, 0) << leader.log();
    ASSERT_TRUE(has_runs(2)) << leader.log();
    ASSERT_TRUE(eventually([&] { return count_lines(sockets()) == 2; }));
    const std::string all = sockets();
    EXPECT_EQ(all.substr(0, all.size() / 2), all.substr(all.size() / 2));
    EXPECT_THAT(all, HasSubstr("@"));
}

// The grant of before stands, and so does the lease that others see, until the term is over.
TEST_F(Reload, AShorterLeaseCountsFromTheNextTerm) {
    Candidate& leader = start("leader", {.timing = {.lease = "4s", .deadline = "2s", .retry = "200ms"},
                                         .extra = "control: {socket: " + socket_of("leader") + "}\n",
                                         .workload = "  restart: {cooldown: 1s}\n"});
    ASSERT_TRUE(leads("leader")) << leader.log();
    const Run before = run_of("leader");
    replace("leader", "lease_duration: 4s", "lease_duration: 1s");
    replace("leader", "renew_deadline: 2s", "renew_deadline: 500ms");
    const Said said = tell("leader", {"reload"});
    EXPECT_EQ(said.status, 0) << said.text;
    const auto lasts = [&](const std::string& number) {
        return read_file(folder_.path("test.lease")).find("\"leaseDurationSeconds\": " + number) != std::string::npos;
    };
    EXPECT_TRUE(shows(leader, "/metrics", "leasehold_lease_duration_seconds 1\n"));
    const std::string before_renewal = read_file(folder_.path("test.lease"));
    EXPECT_TRUE(eventually([&] { return read_file(folder_.path("test.lease")) != before_renewal; })) << leader.log();
    EXPECT_TRUE(lasts("4")) << read_file(folder_.path("test.lease"));
    EXPECT_EQ(run_of("leader"), before) << leader.log();
    EXPECT_EQ(tell("leader", {"resign"}).status, 0);
    EXPECT_TRUE(eventually([&] { return lasts("1"); })) << leader.log();
}

TEST_F(Reload, ManyAtOnceEndWithTheLastOne) {
    Candidate& leader = start("leader", {.extra = "control: {socket: " + socket_of("leader") + "}\n",
                                         .workload = "  restart: {cooldown: 1h}\n  signals: {rewrite: {HUP: none}}\n"});
    ASSERT_TRUE(leads("leader")) << leader.log();
    const Run before = run_of("leader");
    replace("leader", "cooldown: 1h", "cooldown: 2h");
    for (int i = 0; i < 20; ++i) leader.process().signal(SIGHUP);
    EXPECT_TRUE(logs(leader, "the configuration has changed: in force: workload.restart.cooldown")) << leader.log();
    EXPECT_TRUE(leads("leader")) << leader.log();
    EXPECT_EQ(run_of("leader"), before) << leader.log();
}

}  // namespace
}  // namespace leasehold::harness
