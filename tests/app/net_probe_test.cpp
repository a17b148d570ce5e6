// SPDX-License-Identifier: Apache-2.0
//
// Probes by http and tcp against servers that behave, and that do not.
#include "app/net_probe.h"

#include <thread>

#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/prober.h"
#include "base/clock.h"
#include "tests/servers/loopback.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::app {
namespace {

using servers::BlackHole;
using servers::Feed;
using servers::Reply;
using servers::ScriptedServer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using supervisor::ProbeOptions;
using testing::HasSubstr;

constexpr Duration kGenerous = seconds(60);

class NetProbes : public testing::Test {
protected:
    void SetUp() override {
        auto made = EventLoop::create();
        ASSERT_TRUE(made) << made.error().message;
        loop_ = std::move(*made);
    }

    bool turn_until(const std::function<bool()>& condition) {
        const Instant begin = now();
        while (!condition() && elapsed_at_most(begin, now()) < kGenerous) {
            EXPECT_TRUE(loop_->run_once(milliseconds(100)));
        }
        return condition();
    }

    NetProbe::Outcome outcome_of(NetProbe& probe) {
        std::optional<NetProbe::Outcome> outcome;
        probe.start([&](NetProbe::Outcome found) {
            EXPECT_FALSE(outcome) << "twice";
            outcome = std::move(found);
        });
        EXPECT_FALSE(outcome) << "from inside the call";
        EXPECT_TRUE(turn_until([&] { return outcome.has_value(); }));
        return outcome.value_or(NetProbe::Outcome{});
    }

    NetProbe::Outcome outcome_of(const ProbeOptions& options) {
        auto probe = make_net_probe(*loop_, options);
        EXPECT_TRUE(probe && *probe);
        return probe && *probe ? outcome_of(**probe) : NetProbe::Outcome{};
    }

    ProbeOptions http(const std::string& target = "/health") const {
        return {.given = true, .http = server_.url() + target, .timeout = seconds(20)};
    }
    ProbeOptions impatient() const {
        ProbeOptions options = http();
        options.timeout = milliseconds(300);
        return options;
    }
    void expect_failure(const ProbeOptions& options, const std::string& words) {
        const auto outcome = outcome_of(options);
        EXPECT_FALSE(outcome.passed) << outcome.words;
        EXPECT_THAT(outcome.words, HasSubstr(words));
    }

    std::unique_ptr<EventLoop> loop_;
    ScriptedServer server_;
};

TEST_F(NetProbes, TheStatusDecides) {
    for (const auto& [status, passes] : {std::pair(200, true), std::pair(204, true), std::pair(399, true),
                                         std::pair(400, false), std::pair(404, false), std::pair(503, false)}) {
        server_.queue(Reply::text(status, ""));
        const auto outcome = outcome_of(http());
        EXPECT_EQ(outcome.passed, passes) << outcome.words;
        EXPECT_THAT(outcome.words, HasSubstr("status " + std::to_string(status)));
    }
    ProbeOptions only = http();
    only.status = {418, 418};
    server_.queue(Reply::text(418, "teapot"));
    EXPECT_TRUE(outcome_of(only).passed);
    server_.queue(Reply::text(200, "no teapot"));
    EXPECT_THAT(outcome_of(only).words, HasSubstr("status 200, which is not 418"));
}

TEST_F(NetProbes, TheRequestIsWhatTheOptionsSay) {
    server_.queue(Reply::text(200, ""), 3);
    ProbeOptions options = http("/a/b?c=d");
    options.headers = {{"X-Token", "abc"}, {"Host", "billing.example"}};
    EXPECT_TRUE(outcome_of(options).passed);
    EXPECT_TRUE(outcome_of(http("")).passed);
    EXPECT_TRUE(outcome_of(http("?full")).passed);
    const auto requests = server_.requests();
    ASSERT_EQ(requests.size(), 3U);
    EXPECT_EQ(requests[0].method, "GET");
    EXPECT_EQ(requests[0].target, "/a/b?c=d");
    EXPECT_EQ(requests[0].headers.at("x-token"), "abc");
    EXPECT_EQ(requests[0].headers.at("host"), "billing.example");
    EXPECT_EQ(requests[1].target, "/");
    EXPECT_EQ(requests[2].target, "/?full");
}

TEST_F(NetProbes, ARedirectCountsByItsStatusAndIsNotFollowed) {
    server_.queue(Reply::redirect(server_.url() + "/elsewhere"));
    EXPECT_TRUE(outcome_of(http()).passed);
    ProbeOptions strict = http();
    strict.status = {200, 299};
    server_.queue(Reply::redirect(server_.url() + "/elsewhere"));
    expect_failure(strict, "status 302, which is not in 200-299");
    EXPECT_EQ(server_.request_count(), 2U);
}

TEST_F(NetProbes, ALongBodyIsNotReadToItsEnd) {
    auto feed = std::make_shared<Feed>();
    server_.queue(Reply::stream(feed));
    for (int i = 0; i < 64; ++i) feed->push(std::string(1024, 'x'));  // and no end
    EXPECT_TRUE(outcome_of(http()).passed);
    server_.queue(Reply::text(200, std::string(50 << 20, 'x')));
    EXPECT_TRUE(outcome_of(http()).passed);
    server_.queue(Reply::text(500, std::string(1 << 20, 'x')));
    expect_failure(http(), "status 500");
    EXPECT_TRUE(server_.wait_until([&] { return server_.open_connections() == 0; })) << "they were closed";
}

TEST_F(NetProbes, WhatIsSlowHasFailed) {
    server_.queue(Reply::by(Reply::Way::silence));
    expect_failure(impatient(), "did not answer within 300ms");
    server_.queue(Reply::drip(std::string(100'000, 'x'), 1, milliseconds(20)));
    expect_failure(impatient(), "did not answer within 300ms");
    auto feed = std::make_shared<Feed>();
    feed->push("a little");
    server_.queue(Reply::stream(feed));
    expect_failure(impatient(), "not complete within 300ms");
}

TEST_F(NetProbes, WhatIsNoAnswerHasFailed) {
    server_.queue(Reply::by(Reply::Way::close));
    expect_failure(http(), "ended without an answer");
    server_.queue(Reply::by(Reply::Way::reset));
    EXPECT_FALSE(outcome_of(http()).passed);
    server_.queue(Reply::raw("SSH-2.0-OpenSSH_9.2\r\n"));
    EXPECT_FALSE(outcome_of(http()).passed);
    server_.queue(Reply::truncated("half", 10));
    expect_failure(http(), "in the middle of the answer");
    Reply huge = Reply::text(200, "");
    for (int i = 0; i < 40; ++i) huge.headers.push_back("X-" + std::to_string(i) + ": " + std::string(20'000, 'x'));
    server_.queue(huge);
    expect_failure(http(), "larger than");
    server_.queue(Reply::text(200, "well"));
    EXPECT_TRUE(outcome_of(http()).passed) << "none of that has a consequence for the next one";
}

TEST_F(NetProbes, EachHasAConnectionOfItsOwn) {
    auto probe = make_http_probe(*loop_, http());
    ASSERT_TRUE(probe) << probe.error().message;
    for (int i = 1; i <= 3; ++i) {
        server_.queue(Reply::text(200, "well"));
        EXPECT_TRUE(outcome_of(**probe).passed);
        EXPECT_EQ(server_.connections(), i);
    }
}

TEST_F(NetProbes, CancelledOnesAreSilent) {
    ProbeOptions tcp{.given = true, .tcp = server_.authority(), .timeout = milliseconds(200)};
    for (const ProbeOptions& options : {impatient(), tcp}) {
        auto probe = make_net_probe(*loop_, options);
        ASSERT_TRUE(probe && *probe);
        server_.queue(Reply::by(Reply::Way::silence));
        (*probe)->start([](const NetProbe::Outcome& outcome) { ADD_FAILURE() << outcome.words; });
        (*probe)->cancel();
        const Instant begin = now();
        turn_until([&] { return elapsed_at_least(begin, now()) > milliseconds(600); });
        server_.disconnect();
    }
}

TEST_F(NetProbes, ACertificateIsNotVerified) {
    const servers::Authority authority;
    ScriptedServer tls({.tls = servers::TlsOptions{authority.issue(), {}, false}});
    tls.queue(Reply::text(200, ""));
    const auto outcome = outcome_of({.given = true, .http = tls.url() + "/", .timeout = seconds(20)});
    EXPECT_TRUE(outcome.passed) << outcome.words;
}

TEST_F(NetProbes, NamesAreLookedUp) {
    server_.queue(Reply::text(200, ""));
    const ProbeOptions options{
        .given = true, .http = "http://localhost:" + std::to_string(server_.port()), .timeout = seconds(20)};
    const auto outcome = outcome_of(options);
    EXPECT_TRUE(outcome.passed) << outcome.words;
}

TEST_F(NetProbes, AConnectionIsEnoughForTcp) {
    for (const std::string& to : {server_.authority(), "localhost:" + std::to_string(server_.port())}) {
        const auto outcome = outcome_of({.given = true, .tcp = to});
        EXPECT_TRUE(outcome.passed) << outcome.words;
        EXPECT_THAT(outcome.words, HasSubstr("connected to 127.0.0.1:"));
    }
    EXPECT_TRUE(server_.wait_until([&] { return server_.connections() == 2 && server_.open_connections() == 0; }));
}

TEST_F(NetProbes, LocalhostMayBeOfVersion6) {
    std::unique_ptr<ScriptedServer> v6;
    try {
        v6 = std::make_unique<ScriptedServer>(servers::ServerOptions{.address = "::1", .tls = {}});
    } catch (const std::exception& problem) {
        GTEST_SKIP() << "no IPv6 here: " << problem.what();
    }
    const auto outcome = outcome_of({.given = true, .tcp = "localhost:" + std::to_string(v6->port())});
    EXPECT_TRUE(outcome.passed) << outcome.words;
    EXPECT_TRUE(outcome_of({.given = true, .tcp = v6->authority()}).passed);
}

TEST_F(NetProbes, NobodyThereIsAFailure) {
    const servers::ReservedPort closed;
    const std::string port = std::to_string(closed.number());
    for (const std::string host : {"127.0.0.1:", "localhost:"}) {
        expect_failure({.given = true, .tcp = host + port}, "connecting to 127.0.0.1:" + port + " failed");
    }
    expect_failure({.given = true, .http = "http://127.0.0.1:" + port + "/"}, "refused");
}

TEST_F(NetProbes, WhoDoesNotEvenRefuseTimesOut) {
    int port = 0;
    {
        const servers::ReservedPort free;
        port = free.number();
    }
    const auto hole = BlackHole::make("127.0.0.1", port);
    if (!hole) GTEST_SKIP() << "the port is taken";
    const std::string to = "127.0.0.1:" + std::to_string(port);
    expect_failure({.given = true, .tcp = to, .timeout = milliseconds(300)}, "no connection to " + to);
    expect_failure({.given = true, .http = "http://" + to, .timeout = milliseconds(300)}, "no connection to " + to);
}

TEST_F(NetProbes, WhatCannotBeAskedIsRefused) {
    EXPECT_FALSE(make_tcp_probe(*loop_, {.given = true, .tcp = "example:1"}));
    EXPECT_FALSE(make_http_probe(*loop_, {.given = true, .http = "ftp://127.0.0.1/"}));
    supervisor::WorkloadOptions workload;
    EXPECT_TRUE(try_probes(workload));
    workload.candidacy = {.given = true, .tcp = "example:1"};
    const auto tried = try_probes(workload);
    ASSERT_FALSE(tried);
    EXPECT_THAT(tried.error().message, HasSubstr("workload.candidacy: example:1 is no address"));
}

// ---- again and again
// --------------------------------------------------------------------------------------------------

TEST_F(NetProbes, AProberTellsOfEachOutcomeUntilItEnds) {
    ProbeOptions options = http();
    options.interval = milliseconds(10);
    options.failure_threshold = 2;
    server_.queue(Reply::text(200, ""));
    server_.queue(Reply::text(500, ""), 2);
    server_.queue(Reply::text(200, ""), 1000);
    std::vector<ProbeNews> heard;
    auto prober = Prober::create(*loop_, options, [&](const ProbeNews& news) { heard.push_back(news); });
    ASSERT_TRUE(prober && *prober);
    (*prober)->begin();
    ASSERT_TRUE(turn_until([&] { return heard.size() >= 4; }));
    using State = supervisor::ProbeJudge::State;
    EXPECT_EQ(heard[0].state, State::passing);
    EXPECT_EQ(heard[1].state, State::passing);
    EXPECT_EQ(heard[1].failures, 1);
    EXPECT_EQ(heard[2].state, State::failing);
    EXPECT_EQ(heard[2].words, "status 500, which is not in 200-399");
    EXPECT_EQ(heard[3].state, State::passing);
    (*prober)->end();
    const std::size_t before = heard.size();
    const Instant begin = now();
    turn_until([&] { return elapsed_at_least(begin, now()) > milliseconds(200); });
    EXPECT_EQ(heard.size(), before);
    (*prober)->begin();
    EXPECT_TRUE(turn_until([&] { return heard.size() > before; })) << "it can begin again";
}

TEST_F(NetProbes, ThereIsNoProberForACommand) {
    auto prober = Prober::create(*loop_, {.given = true, .exec = {"true"}}, nullptr);
    ASSERT_TRUE(prober);
    EXPECT_EQ(*prober, nullptr);
}

TEST(ProbeStates, TellWhatChangesAndEachFailure) {
    using State = supervisor::ProbeJudge::State;
    ProbeState state;
    state.forget(true);
    EXPECT_EQ(state.words, "not probed yet");
    auto said = state.take({true, "status 200", 0, State::passing}, "health", "it ends");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->text, "health: passed: status 200");
    EXPECT_FALSE(state.take({true, "status 200", 0, State::passing}, "health", "it ends"));
    said = state.take({false, "status 500", 1, State::passing}, "health", "it ends");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->text, "health: failed (1 in a row): status 500");
    said = state.take({false, "status 500", 2, State::failing}, "health", "it ends");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->text, "health: failed (2 in a row): status 500; it ends");
    EXPECT_EQ(said->topic, "") << "always said";
    EXPECT_TRUE(state.failing);
    EXPECT_EQ(state.words, "failed (2 in a row): status 500");
    EXPECT_TRUE(state.take({true, "status 200", 0, State::passing}, "health", "it ends"));
    state.forget(false);
    EXPECT_EQ(state.words, "");
}

TEST(ProbeStates, OfACommandAreInPlainWords) {
    using Kind = supervisor::ExecOutcome::Kind;
    const ProbeOptions options{.given = true, .timeout = milliseconds(1500)};
    EXPECT_EQ(news_of({Kind::passed, 0, 0, false}, options).words, "status 0");
    EXPECT_EQ(news_of({Kind::failed, 3, 1, false}, options).words, "status 3");
    EXPECT_EQ(news_of({Kind::timed_out, 0, 1, false}, options).words, "took longer than 1.5s, and was killed");
    EXPECT_EQ(news_of({Kind::unusable, ENOENT, 3, true}, options).words,
              "cannot be executed: No such file or directory");
    EXPECT_EQ(news_of({Kind::unusable, ENOENT, 3, true}, options).state, supervisor::ProbeJudge::State::failing);
}

}  // namespace
}  // namespace leasehold::app
