// SPDX-License-Identifier: Apache-2.0
//
// workload.health and workload.candidacy, seen from outside.
#include <atomic>
#include <csignal>
#include <set>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/with_runs.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::harness {
namespace {

using servers::Reply;
using servers::ScriptedServer;

class Probes : public WithRuns {
protected:
    // A server that is well, or not, as long as the test says so.
    void SetUp() override {
        WithRuns::SetUp();
        server_.handle([this](const servers::Request&) { return Reply::text(status_, ""); });
    }

    std::string health_by_http(const std::string& more) const {
        return fmt::format("health: {{http: \"{}/health\", interval: 50ms, timeout: 5s{}}}", server_.url(), more);
    }

    // A dollar of the script is one of the file's too.
    static std::string health_by(const std::string& script, const std::string& more = "timeout: 5s") {
        std::string doubled;
        for (const char c : script) doubled += c == '$' ? "$$" : std::string(1, c);
        return fmt::format("health: {{exec: [sh, -c, \"{}\"], interval: 50ms, {}}}", doubled, more);
    }

    static std::string that_hangs(const std::string& pid) {
        return "trap '' TERM; echo $$ > " + pid + "; while :; do sleep 1; done";
    }

    bool probed(std::size_t more) {
        const std::size_t wanted = server_.request_count() + more;
        return server_.wait_until([&] { return server_.request_count() >= wanted; });
    }

    std::atomic<int> status_ = 200;
    std::atomic<int> count_ = 0;
    ScriptedServer server_;
};

constexpr const char* kAtOnce = "restart: {initial_backoff: 10ms, max_backoff: 10ms}\n";

TEST_F(Probes, AWorkloadThatIsNotHealthyIsStartedAnewWithinTheTerm) {
    Candidate& only = start_with("only", kAtOnce + health_by_http(", failure_threshold: 2"));
    ASSERT_TRUE(has_runs(1)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"health\": \"passed: status 200\"")) << only.log();
    ASSERT_TRUE(probed(5));
    EXPECT_EQ(runs().size(), 1U) << "started anew though it is well";
    status_ = 500;
    ASSERT_TRUE(has_runs(2)) << only.log();
    status_ = 200;
    ASSERT_TRUE(logs(only, "health: failed (2 in a row): status 500")) << only.log();
    EXPECT_TRUE(shows(only, "/status", "the workload is stopped, and started again"));
    EXPECT_TRUE(shows(only, "/status", "\"health\": \"passed: status 200\"")) << only.log();
    for (const std::string& run : runs()) EXPECT_EQ(run, runs().front()) << "another term";
}

TEST_F(Probes, TooFewFailuresInARowHaveNoConsequence) {
    server_.handle([this](const servers::Request&) { return Reply::text(++count_ % 3 == 0 ? 200 : 500, ""); });
    Candidate& only = start_with("only", kAtOnce + health_by_http(", failure_threshold: 3"));
    ASSERT_TRUE(has_runs(1)) << only.log();
    ASSERT_TRUE(probed(30));
    EXPECT_EQ(runs().size(), 1U) << only.log();
}

// As with crashes: given up after so many, then another candidate leads, and this one rests.
TEST_F(Probes, WhoIsNeverHealthyResigns) {
    status_ = 503;
    Candidate& sick =
        start_with("sick", "restart: {initial_backoff: 10ms, max_backoff: 10ms, give_up_after: 1, cooldown: 1h}\n" +
                               health_by_http(", failure_threshold: 2"));
    ASSERT_TRUE(has_runs(1)) << sick.log();
    Candidate& healthy = start_with("healthy", "restart: {policy: never}");
    ASSERT_TRUE(logs(sick, "resigned; not contending for 1h")) << sick.log();
    ASSERT_TRUE(has_runs(3)) << healthy.log();
    EXPECT_TRUE(runs()[1].starts_with("sick ")) << "one start and one more";
    EXPECT_TRUE(runs()[2].starts_with("healthy ")) << sick.log();
}

// The lease is renewed while the workload takes its time to stop, and the other one begins only then: what the board
// says is judged in the end.
TEST_F(Probes, AHandOverWaitsForTheWorkload) {
    Candidate& sick =
        start("sick", {.command = {"sh", "-c",
                                   fmt::format("{} {} & child=$!; trap 'sleep 2; kill $child; wait; exit' TERM; wait",
                                               stamper_program(), folder_.path("board"))},
                       .workload = "  restart: {cooldown: 1h}\n  signals: {to: process}\n  " +
                                   health_by_http(", failure_threshold: 1, then: resign") + "\n"});
    ASSERT_TRUE(eventually([&] { return !board_->runs().empty(); })) << sick.log();
    Candidate& other = start("other");
    ASSERT_TRUE(logs(other, "holds the lease")) << other.log();
    status_ = 500;
    const Stint after = next_run(board_->runs().size());
    EXPECT_NE(after.identity.find("other"), std::string::npos) << sick.log();
    EXPECT_TRUE(logs(sick, "released the lease")) << sick.log();
    EXPECT_TRUE(logs(sick, "resigned; not contending for 1h")) << sick.log();
    EXPECT_EQ(sick.log().find("could not renew"), std::string::npos) << sick.log();
}

TEST_F(Probes, WhatDoesNotAnswerIsNotHealthy) {
    server_.handle([](const servers::Request&) { return Reply::by(Reply::Way::silence); });
    Candidate& only = start_with(
        "only", fmt::format("{}health: {{http: \"{}\", interval: 50ms, timeout: 100ms}}", kAtOnce, server_.url()));
    ASSERT_TRUE(has_runs(2)) << only.log();
    EXPECT_TRUE(logs(only, "did not answer within 100ms")) << only.log();
}

TEST_F(Probes, APortIsEnough) {
    auto listening = std::make_unique<ScriptedServer>();
    Candidate& only =
        start_with("only", fmt::format("{}health: {{tcp: \"{}\", interval: 50ms}}", kAtOnce, listening->authority()));
    ASSERT_TRUE(has_runs(1)) << only.log();
    ASSERT_TRUE(shows(only, "/status", "passed: connected to 127.0.0.1")) << only.log();
    EXPECT_EQ(runs().size(), 1U);
    listening.reset();
    ASSERT_TRUE(has_runs(2)) << only.log();
    EXPECT_TRUE(logs(only, "connecting to 127.0.0.1")) << only.log();
}

TEST_F(Probes, TheInitialDelayIsThatOfEachStart) {
    status_ = 500;
    Candidate& only = start_with("only", kAtOnce + health_by_http(", initial_delay: 1h"));
    ASSERT_TRUE(has_runs(1)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"health\": \"not probed yet\"")) << only.log();
    let_pass(std::chrono::seconds(1));
    EXPECT_EQ(server_.request_count(), 0U);
    EXPECT_EQ(runs().size(), 1U);
}

// The next agent goes on with the probe, and does not take the workload for a new one.
TEST_F(Probes, TheAgentMayDie) {
    Candidate& only = start_with("only", kAtOnce + health_by_http(", failure_threshold: 2"));
    ASSERT_TRUE(probed(3)) << only.log();
    kill(only.role("leasehold-agent"), SIGKILL);
    ASSERT_TRUE(probed(3)) << only.log();
    EXPECT_EQ(runs().size(), 1U);
    status_ = 500;
    EXPECT_TRUE(has_runs(2)) << only.log();
}

// ---- commands
// ---------------------------------------------------------------------------------------------------------

TEST_F(Probes, ACommandSaysWhetherTheWorkloadIsHealthy) {
    const std::string sick = folder_.path("sick");
    Candidate& only = start_with("only", kAtOnce + health_by("test ! -e " + sick, "failure_threshold: 2"));
    ASSERT_TRUE(has_runs(1)) << only.log();
    ASSERT_TRUE(shows(only, "/status", "\"health\": \"passed: status 0\"")) << only.log();
    EXPECT_EQ(runs().size(), 1U);
    write_file(sick, "");
    ASSERT_TRUE(has_runs(2)) << only.log();
    EXPECT_TRUE(logs(only, "health: failed (2 in a row): status 1; the workload is stopped, and started again"));
    unlink(sick.c_str());
    for (const std::string& run : runs()) EXPECT_EQ(run, runs().front());
}

TEST_F(Probes, ACommandMayResign) {
    Candidate& sick =
        start_with("sick", "restart: {cooldown: 1h}\n" + health_by("exit $((LEASEHOLD_FENCING_TOKEN * 0 + 7))",
                                                                   "failure_threshold: 1, then: resign"));
    ASSERT_TRUE(logs(sick, "health: failed (1 in a row): status 7")) << sick.log();
    ASSERT_TRUE(logs(sick, "resigned; not contending for 1h")) << sick.log();
    Candidate& healthy = start_with("healthy", "restart: {policy: never}");
    ASSERT_TRUE(logs(healthy, "started the workload")) << healthy.log();
}

TEST_F(Probes, ACommandThatIsNotThereHasFailed) {
    Candidate& only =
        start_with("only", fmt::format("{}health: {{exec: [{}], interval: 50ms}}", kAtOnce, folder_.path("none")));
    ASSERT_TRUE(has_runs(2)) << only.log();
    EXPECT_TRUE(logs(only, "cannot be executed: No such file or directory")) << only.log();
}

TEST_F(Probes, ACommandThatHangsIsKilledWithItsGroup) {
    const std::string pids = folder_.path("pids");
    Candidate& only = start_with(
        "only",
        kAtOnce + health_by("trap '' TERM; sleep 1000 & echo $! $$ >> " + pids + "; sleep 1000", "timeout: 200ms"));
    ASSERT_TRUE(has_runs(2)) << only.log();
    EXPECT_TRUE(logs(only, "took longer than 200ms, and was killed")) << only.log();
    std::istringstream text(read_file(pids));
    pid_t child = 0, probe = 0;
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(text >> child >> probe);
        EXPECT_FALSE(lives(child) || lives(probe)) << i;
    }
}

// Its end is not waited for: it goes with the workload.
TEST_F(Probes, ACommandUnderWayDelaysNoStop) {
    const std::string pid = folder_.path("pid");
    Candidate& only = start_with("only", health_by(that_hangs(pid), "timeout: 1h"));
    ASSERT_TRUE(eventually([&] { return !read_file(pid).empty(); })) << only.log();
    only.process().signal(SIGTERM);
    EXPECT_TRUE(only.process().wait(std::chrono::seconds(20))) << "waited for the grace period\n" << only.log();
    EXPECT_FALSE(lives(std::atoi(read_file(pid).c_str())));
    EXPECT_EQ(only.log().find("killing the workload's tree"), std::string::npos) << only.log();
}

TEST_F(Probes, ACommandUnderWayDelaysNoEnd) {
    const std::string pid = folder_.path("pid");
    Candidate& only = start_with("only", health_by(that_hangs(pid), "timeout: 1h"),
                                 that_writes(fmt::format("while ! test -s {}; do sleep 0.05; done; exit 5", pid)));
    EXPECT_EQ(only.process().wait(std::chrono::seconds(20)), 5) << only.log();
    EXPECT_FALSE(lives(std::atoi(read_file(pid).c_str())));
}

TEST_F(Probes, ACommandMayPrintMegabytes) {
    Candidate& only = start_with(
        "only", kAtOnce + health_by("head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2", "timeout: 1m"));
    ASSERT_TRUE(has_runs(1)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"health\": \"passed: status 0\"")) << only.log();
    EXPECT_EQ(runs().size(), 1U);
    EXPECT_LT(only.log().size(), 100'000U);
}

// They are part of the tree, and end with it.
TEST_F(Probes, ACommandMayForkDaemons) {
    const std::string pids = folder_.path("pids");
    Candidate& only = start_with("only", health_by(fmt::format("setsid sleep 1000 & echo $! >> {}", pids)));
    const auto daemons = [&] {
        std::set<pid_t> found;
        std::istringstream text(read_file(pids));
        for (pid_t pid = 0; text >> pid;) found.insert(pid);
        return found;
    };
    ASSERT_TRUE(eventually([&] { return daemons().size() >= 5; })) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"health\": \"passed: status 0\"")) << only.log();
    only.process().signal(SIGTERM);
    EXPECT_TRUE(only.process().wait()) << only.log();
    for (const pid_t pid : daemons()) EXPECT_FALSE(lives(pid)) << pid;
}

// The supervisor's end is the end of what it probes with, too.
TEST_F(Probes, ACommandDoesNotOutliveTheSupervisor) {
    const std::string pid = folder_.path("pid");
    Candidate& only = start_with("only", health_by(that_hangs(pid), "timeout: 1h"));
    ASSERT_TRUE(has_runs(1)) << only.log();
    ASSERT_TRUE(eventually([&] { return !read_file(pid).empty(); })) << only.log();
    const pid_t probe = std::atoi(read_file(pid).c_str());
    kill(only.role("leasehold-super"), SIGKILL);
    ASSERT_TRUE(has_runs(2)) << only.log();
    EXPECT_FALSE(lives(probe)) << only.log();
}

// ---- candidacy
// --------------------------------------------------------------------------------------------------------

TEST_F(Probes, WhoIsNoCandidateDoesNotContend) {
    status_ = 503;
    const std::string keys = fmt::format("candidacy: {{http: \"{}\", interval: 50ms}}", server_.url());
    Candidate& stale = start_with("stale", keys);
    ASSERT_TRUE(logs(stale, "candidacy: failed (3 in a row): status 503, which is not in 200-399; not contending"));
    EXPECT_TRUE(shows(stale, "/status", "\"candidacy\": \"failed (")) << stale.log();
    EXPECT_TRUE(shows(stale, "/status", "the probe of workload.candidacy has not passed: failed (")) << stale.log();
    Candidate& fresh = start_with("fresh", "restart: {policy: never}");
    ASSERT_TRUE(has_runs(1)) << fresh.log();
    EXPECT_TRUE(runs()[0].starts_with("fresh ")) << stale.log();
    fresh.process().signal(SIGTERM);
    EXPECT_TRUE(fresh.process().wait());
    let_pass(std::chrono::seconds(2));
    EXPECT_EQ(runs().size(), 1U) << "it contends all the same";
    status_ = 200;
    ASSERT_TRUE(has_runs(2)) << stale.log();
    EXPECT_TRUE(runs()[1].starts_with("stale "));
    EXPECT_TRUE(logs(stale, "candidacy: passed: status 200")) << stale.log();
}

TEST_F(Probes, NobodyContendsBeforeTheFirstPass) {
    server_.handle([](const servers::Request&) { return Reply::by(Reply::Way::silence); });
    Candidate& only =
        start_with("only", fmt::format("candidacy: {{http: \"{}\", interval: 50ms, timeout: 1h}}", server_.url()));
    ASSERT_TRUE(probed(1)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"candidacy\": \"not probed yet\"")) << only.log();
    let_pass(std::chrono::seconds(2));
    EXPECT_TRUE(runs().empty()) << only.log();
}

TEST_F(Probes, ALeaderThatIsNoCandidateAnyMoreStays) {
    const std::string keys = fmt::format("  candidacy: {{http: \"{}\", interval: 50ms}}\n", server_.url());
    Candidate& only = start("only", {.command = that_writes(), .timing = {"15s", "10s", "1s"}, .workload = keys});
    ASSERT_TRUE(has_runs(1)) << only.log();
    status_ = 500;
    ASSERT_TRUE(logs(only, "leading all the same, but not contending after that")) << only.log();
    let_pass(std::chrono::seconds(2));
    EXPECT_EQ(runs().size(), 1U);
    EXPECT_TRUE(shows(only, "/metrics", "leader_election_master_status{name=\"test\"} 1"));
}

}  // namespace
}  // namespace leasehold::harness
