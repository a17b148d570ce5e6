// SPDX-License-Identifier: Apache-2.0
//
// workload.ready, seen from outside: when a workload that was started is sent traffic, and what becomes of one that
// does not get that far.
#include <atomic>
#include <csignal>

#include <unistd.h>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/notices.h"
#include "tests/harness/with_runs.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::harness {
namespace {

using servers::Reply;
using servers::Request;
using servers::ScriptedServer;

constexpr const char* kByItsWord = "ready: {notify: true}";
constexpr const char* kAgainAtOnce = "restart: {initial_backoff: 10ms, max_backoff: 10ms}\n";
const TestTiming kLongLease{"15s", "10s", "1s"};

class Ready : public WithRuns {
protected:
    // Says it once the test wants it to, leaves a file that tells, and stays.
    std::vector<std::string> that_says(const std::string& words = "READY=1") {
        return that_writes(
            fmt::format("echo $NOTIFY_SOCKET > {}; while ! test -e {}; do sleep 0.02; done; exec {} {} "
                        "-- sh -c 'touch {}; exec sleep 1000'",
                        folder_.path("socket"), folder_.path("go"), notifier_program(), words, folder_.path("said")));
    }
    void let_it_speak() { write_file(folder_.path("go"), ""); }

    std::string socket_of_the_workload() {
        EXPECT_TRUE(eventually([&] { return read_file(folder_.path("socket")).ends_with('\n'); }));
        const std::string line = read_file(folder_.path("socket"));
        return line.substr(0, line.find('\n'));
    }

    static bool is_starting(Candidate& candidate) {
        return shows(candidate, "/status", "\"state\": \"starting\"") &&
               http_get(candidate.http_port(), "/leader").status == 503;
    }
    static bool is_ready(Candidate& candidate) {
        return shows(candidate, "/status", "\"state\": \"running\"") &&
               eventually([&] { return http_get(candidate.http_port(), "/leader").status == 200; });
    }

    // The agent is another one after this.
    bool agent_dies(Candidate& candidate) {
        const pid_t agent = candidate.role("leasehold-agent");
        kill(agent, SIGKILL);
        return eventually([&] { return !lives(agent); }) &&
               eventually([&] { return candidate.log().find("taking over term") != std::string::npos; });
    }
};

TEST_F(Ready, WithoutItAWorkloadIsReadyWhenItWasExecuted) {
    Candidate& only =
        start_with("only", "restart: {policy: never}",
                   that_writes("echo ${NOTIFY_SOCKET-none} >> " + folder_.path("socket") + "; exec sleep 1000"));
    ASSERT_TRUE(is_ready(only)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"ready\": null"));
    EXPECT_EQ(socket_of_the_workload(), "none");
}

TEST_F(Ready, AWorkloadSaysItItself) {
    Candidate& only = start_with("only", kByItsWord, that_says("STATUS=loading 'STATUS=serving\\nREADY=1'"));
    ASSERT_TRUE(has_runs(1)) << only.log();
    ASSERT_TRUE(is_starting(only)) << only.log();
    EXPECT_EQ(http_get(only.http_port(), "/leader").body, "leader, but the workload is not ready\n");
    EXPECT_EQ(http_get(only.http_port(), "/readyz").status, 200);
    EXPECT_TRUE(shows(only, "/metrics", "leasehold_workload_state{state=\"starting\"} 1"));
    EXPECT_TRUE(shows(only, "/status", "\"ready\": \"not said yet\""));
    let_it_speak();
    ASSERT_TRUE(is_ready(only)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"status\": \"serving\"")) << only.log();
    EXPECT_TRUE(shows(only, "/metrics", "leasehold_workload_state{state=\"running\"} 1"));
    EXPECT_TRUE(logs(only, "the workload is ready, ")) << only.log();
    EXPECT_EQ(runs().size(), 1U);
}

TEST_F(Ready, AChildOfTheWorkloadMaySayIt) {
    Candidate& only = start_with("only", kByItsWord, that_writes(notifier_program() + " READY=1 -- sleep 1000 & wait"));
    EXPECT_TRUE(is_ready(only)) << only.log();
}

TEST_F(Ready, WhatItPutsIntoTheBackgroundMaySayIt) {
    Candidate& only = start_with("only", kByItsWord,
                                 that_writes("(" + notifier_program() + " READY=1 -- sleep 1000 &); exec sleep 1000"));
    EXPECT_TRUE(is_ready(only)) << only.log();
}

TEST_F(Ready, AStrangerMayNot) {
    Candidate& only = start_with("only", kByItsWord, that_says());
    const std::string socket = socket_of_the_workload();
    ASSERT_TRUE(is_starting(only)) << only.log();
    ASSERT_EQ(send_notice(socket, "READY=1"), 0);
    ASSERT_TRUE(logs(only, fmt::format("ignoring what process {} says", getpid()))) << only.log();
    EXPECT_TRUE(is_starting(only));
    let_it_speak();
    EXPECT_TRUE(is_ready(only)) << only.log();
}

TEST_F(Ready, GarbageIsIgnored) {
    write_file(folder_.path("script"),
               fmt::format("long=$(head -c 9999 /dev/zero | tr '\\0' x)\n"
                           "exec {0} READY=0 READY \"$(printf '\\377\\376')\" '' \"READY=1$long\" STOPPING=1 -- "
                           "sh -c 'while ! test -e {1}; do sleep 0.02; done; exec {0} READY=1 -- sleep 1000'\n",
                           notifier_program(), folder_.path("go")));
    Candidate& only = start_with("only", kByItsWord, that_writes("exec sh " + folder_.path("script")));
    ASSERT_TRUE(logs(only, "says in more than 4096 bytes")) << only.log();
    ASSERT_TRUE(logs(only, "the workload says that it is stopping")) << only.log();
    EXPECT_TRUE(is_starting(only)) << only.log();
    let_it_speak();
    EXPECT_TRUE(is_ready(only)) << only.log();
    EXPECT_EQ(runs().size(), 1U);
}

// From the workload's own tree and from a stranger at once. The lease is renewed meanwhile, and the word is heard.
TEST_F(Ready, AFloodOfNoticesHarmsNothing) {
    Candidate& only =
        start_with("only", kByItsWord,
                   that_writes(fmt::format("echo $NOTIFY_SOCKET > {2}; {0} --for-ever STATUS=flood & while ! test -e "
                                           "{1}; do sleep 0.02; done; exec {0} READY=1 -- sleep 1000",
                                           notifier_program(), folder_.path("go"), folder_.path("socket"))));
    const std::string socket = socket_of_the_workload();
    ASSERT_TRUE(shows(only, "/status", "\"status\": \"flood\"")) << only.log();
    const auto begin = monotonic_now();
    eventually([&] {
        for (int i = 0; i < 1000; ++i) send_notice(socket, "READY=1", false);
        return monotonic_now() - begin > std::chrono::seconds(3);
    });
    EXPECT_TRUE(is_starting(only)) << only.log();
    let_it_speak();
    EXPECT_TRUE(is_ready(only)) << only.log();
    EXPECT_EQ(runs().size(), 1U) << only.log();
    EXPECT_LT(only.log().size(), 20'000U);
}

TEST_F(Ready, HttpIsAskedUntilItAnswersAndHealthFromThenOn) {
    ScriptedServer server;
    std::atomic<int> status = 503, asked = 0, asked_for_health = 0;
    server.handle([&](const Request& request) {
        const bool health = request.target == "/health";
        ++(health ? asked_for_health : asked);
        return Reply::text(health ? 200 : status.load(), "");
    });
    Candidate& only = start_with("only", fmt::format("ready: {{http: \"{0}/ready\", interval: 50ms, timeout: 5s}}\n"
                                                     "health: {{http: \"{0}/health\", interval: 50ms, timeout: 5s}}",
                                                     server.url()));
    ASSERT_TRUE(server.wait_until([&] { return asked >= 5; })) << only.log();
    ASSERT_TRUE(is_starting(only)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "in a row): status 503")) << only.log();
    EXPECT_EQ(asked_for_health, 0);
    status = 200;
    ASSERT_TRUE(is_ready(only)) << only.log();
    ASSERT_TRUE(server.wait_until([&] { return asked_for_health >= 3; })) << only.log();
    const int before = asked;
    ASSERT_TRUE(server.wait_until([&] { return asked_for_health >= 10; })) << only.log();
    EXPECT_EQ(asked, before) << "asked again of what is ready";
    EXPECT_EQ(runs().size(), 1U);
}

TEST_F(Ready, APortIsEnough) {
    auto reserved = std::make_unique<ScriptedServer>();
    const std::string address = reserved->authority();
    Candidate& only = start_with("only", fmt::format("ready: {{tcp: \"{}\", interval: 50ms}}", address));
    EXPECT_TRUE(is_ready(only)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "connected to 127.0.0.1"));
}

TEST_F(Ready, ACommandIsAskedUntilItPassesAndHealthFromThenOn) {
    const std::string tried = folder_.path("tried"), healthy = folder_.path("healthy");
    Candidate& only = start_with(
        "only", fmt::format("ready: {{exec: [sh, -c, \"echo >> {}; test -e {}\"], interval: 50ms, timeout: 5s, "
                            "success_threshold: 2}}\n"
                            "health: {{exec: [sh, -c, \"echo >> {}\"], interval: 50ms, timeout: 5s}}",
                            tried, folder_.path("go"), healthy));
    ASSERT_TRUE(eventually([&] { return read_file(tried).size() >= 5; })) << only.log();
    ASSERT_TRUE(is_starting(only)) << only.log();
    EXPECT_EQ(read_file(healthy), "");
    let_it_speak();
    ASSERT_TRUE(is_ready(only)) << only.log();
    ASSERT_TRUE(eventually([&] { return read_file(healthy).size() >= 3; })) << only.log();
    const std::size_t before = read_file(tried).size();
    ASSERT_TRUE(eventually([&] { return read_file(healthy).size() >= 10; })) << only.log();
    EXPECT_EQ(read_file(tried).size(), before) << "asked again of what is ready";
    EXPECT_TRUE(shows(only, "/status", "\"health\": \"passed: status 0\""));
    EXPECT_EQ(runs().size(), 1U);
}

// As with crashes: given up after so many, then another candidate leads, and this one rests.
TEST_F(Ready, WhoDoesNotBecomeReadyInTimeIsStartedAgainThenResigns) {
    Candidate& slow = start_with("slow",
                                 "restart: {initial_backoff: 10ms, max_backoff: 10ms, give_up_after: 1, cooldown: 1h}\n"
                                 "ready: {notify: true, start_timeout: 300ms}");
    ASSERT_TRUE(has_runs(1)) << slow.log();
    Candidate& other = start_with("other", "restart: {policy: never}");
    ASSERT_TRUE(logs(slow, "the workload is not ready within 300ms (workload.ready.start_timeout)")) << slow.log();
    ASSERT_TRUE(logs(slow, "the workload is not ready, so it is stopped, to be started again")) << slow.log();
    ASSERT_TRUE(logs(slow, "resigned; not contending for 1h")) << slow.log();
    ASSERT_TRUE(has_runs(3)) << other.log();
    EXPECT_TRUE(runs()[1].starts_with("slow ")) << "one start and one more";
    EXPECT_TRUE(runs()[2].starts_with("other ")) << slow.log();
}

// Until that is over; then what was held back follows.
TEST_F(Ready, WhoIsPausedIsNotStopped) {
    const std::string socket = folder_.path("control");
    const auto tell = [&](const char* what) {
        return Process({.arguments = {leasehold_program(), what, "--socket", socket},
                        .output = folder_.path("told"),
                        .environment = {}})
            .wait();
    };
    Candidate& only = start("only", {.command = that_writes(),
                                     .extra = fmt::format("control: {{socket: {}}}\n", socket),
                                     .workload = "  ready: {notify: true, start_timeout: 5s}\n  restart: "
                                                 "{initial_backoff: 10ms}\n"});
    ASSERT_TRUE(has_runs(1)) << only.log();
    ASSERT_EQ(tell("pause"), 0) << read_file(folder_.path("told"));
    ASSERT_TRUE(logs(only, "the workload is not ready within 5s")) << only.log();
    let_pass(std::chrono::seconds(3));
    EXPECT_EQ(runs().size(), 1U) << only.log();
    ASSERT_EQ(tell("resume"), 0) << read_file(folder_.path("told"));
    EXPECT_TRUE(has_runs(2)) << only.log();
}

TEST_F(Ready, WhoIsReadyInTimeHasNoLimitAfterThat) {
    let_it_speak();
    Candidate& only =
        start_with("only", std::string(kAgainAtOnce) + "ready: {notify: true, start_timeout: 5s}", that_says());
    ASSERT_TRUE(is_ready(only)) << only.log();
    let_pass(std::chrono::seconds(7));
    EXPECT_EQ(runs().size(), 1U) << only.log();
}

// Each start is asked anew.
TEST_F(Ready, TheNextWorkloadOfTheTermIsNotReadyYet) {
    let_it_speak();
    Candidate& only =
        start_with("only", std::string("restart: {policy: always, initial_backoff: 10ms}\n") + kByItsWord, that_says());
    ASSERT_TRUE(is_ready(only)) << only.log();
    unlink(folder_.path("go").c_str());
    std::string status = http_get(only.http_port(), "/status").body;
    const auto at = status.find("\"pid\": ");
    ASSERT_NE(at, std::string::npos) << status;
    kill(std::atoi(status.c_str() + at + 7), SIGKILL);
    ASSERT_TRUE(has_runs(2)) << only.log();
    EXPECT_TRUE(is_starting(only)) << only.log();
    EXPECT_EQ(runs()[0], runs()[1]) << "another term";
    let_it_speak();
    EXPECT_TRUE(is_ready(only)) << only.log();
}

// What is said while there is no agent that could hear it waits for the next one.
TEST_F(Ready, TheAgentMayDieBeforeIt) {
    Candidate& only =
        start("only", {.command = that_says(), .timing = kLongLease, .workload = fmt::format("  {}\n", kByItsWord)});
    ASSERT_TRUE(has_runs(1)) << only.log();
    ASSERT_TRUE(is_starting(only)) << only.log();
    kill(only.role("leasehold-agent"), SIGSTOP);
    let_it_speak();
    ASSERT_TRUE(eventually([&] { return access(folder_.path("said").c_str(), F_OK) == 0; })) << only.log();
    ASSERT_TRUE(agent_dies(only)) << only.log();
    EXPECT_TRUE(is_ready(only)) << only.log();
    EXPECT_EQ(runs().size(), 1U);
}

TEST_F(Ready, TheNextAgentAsksOn) {
    const std::string keys =
        fmt::format("  ready: {{exec: [test, -e, {}], interval: 50ms, timeout: 5s}}\n", folder_.path("go"));
    Candidate& only = start("only", {.command = that_writes(), .timing = kLongLease, .workload = keys});
    ASSERT_TRUE(is_starting(only)) << only.log();
    ASSERT_TRUE(agent_dies(only)) << only.log();
    EXPECT_TRUE(is_starting(only)) << only.log();
    let_it_speak();
    EXPECT_TRUE(is_ready(only)) << only.log();
    EXPECT_EQ(runs().size(), 1U);
}

TEST_F(Ready, TheAgentMayDieAfterIt) {
    std::atomic<int> status = 200;
    ScriptedServer server;
    server.handle([&](const Request&) { return Reply::text(status.load(), ""); });
    Candidate& only = start("only", {.command = that_writes(),
                                     .timing = kLongLease,
                                     .workload = fmt::format("  ready: {{http: \"{}\", interval: 50ms, start_timeout: "
                                                             "1m}}\n",
                                                             server.url())});
    ASSERT_TRUE(is_ready(only)) << only.log();
    status = 500;
    const std::size_t asked = server.request_count();
    ASSERT_TRUE(agent_dies(only)) << only.log();
    EXPECT_TRUE(is_ready(only)) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"ready\": \"ready\""));
    let_pass(std::chrono::milliseconds(500));
    EXPECT_EQ(server.request_count(), asked) << "asked again of what is ready";
    EXPECT_EQ(runs().size(), 1U);
}

// The kernel tells who speaks in numbers that mean something to us.
TEST_F(Ready, AWorkloadInAPidNamespaceMaySayItToo) {
    Process possible(
        {.arguments = {"unshare", "--pid", "--fork", "true"}, .output = folder_.path("unshare"), .environment = {}});
    if (possible.wait() != 0) GTEST_SKIP() << "no PID namespace here: " << read_file(folder_.path("unshare"));
    Candidate& only = start_with("only", std::string("containment: namespace\n") + kByItsWord,
                                 that_writes(notifier_program() + " READY=1 -- sleep 1000 & wait"));
    EXPECT_TRUE(is_ready(only)) << only.log();
}

}  // namespace
}  // namespace leasehold::harness
