// SPDX-License-Identifier: Apache-2.0
#include "metrics/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "http_client.h"
#include "prometheus_text.h"

namespace leasehold::metrics {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

StatusView standby() {
    StatusView view;
    view.version = "1.2.3";
    view.identity = "alpha_1";
    view.election = "billing";
    view.store = "file /var/lib/leasehold/billing.lease";
    view.role = "standby";
    view.store_answered = true;
    view.supervisor_connected = true;
    view.holder = "beta_2";
    view.holder_fresh = true;
    view.transitions = 4;
    view.free_in_seconds = 12.5;
    view.workload_state = "stopped";
    return view;
}

StatusView leader() {
    StatusView view = standby();
    view.role = "leader";
    view.leading = true;
    view.holder = view.identity;
    view.term = 2;
    view.fencing_token = 77;
    view.soft_in_seconds = 9.5;
    view.hard_in_seconds = 14.25;
    view.free_in_seconds = std::nullopt;
    view.role_since_unix_seconds = 1700000000.5;
    view.holder_since_unix_seconds = 1700000000.25;
    view.lease_left_seconds = 14.5;
    view.lease_duration_seconds = 15.0;
    view.last_end = EndedTerm{1, true};
    view.last_reload = {3, false, "a broken file"};
    view.paused = true;
    view.hindrances = {"it is paused"};
    view.workload_state = "running";
    view.workload_pid = 4321;
    view.workload_last_exit_code = 143;
    view.workload_hook = "after_start";
    view.workload_last_output = {{"one <line>", "the last \xff"}};
    view.readiness = "ready";
    view.workload_status = "serving";
    view.health = "passed";
    view.candidacy = "failed";
    view.standby = StandbyView{"stopped", 0, 3};
    view.last_errors = {"timeout"};
    view.journal = {{1700000000.25, "acquired: term 2"}};
    return view;
}

class EndpointsTest : public testing::Test {
protected:
    HttpResponse get(const std::string& path, bool verbose = false, const std::string& accept = "*/*") {
        const auto handler = make_handler(metrics_, [this] { return view_; });
        return handler({"GET", path, verbose, accept});
    }
    int status(const std::string& path) { return get(path).status; }

    Metrics metrics_{{"billing", "1.2.3", "abc"}};
    StatusView view_ = standby();
};

TEST_F(EndpointsTest, MetricsAreThere) {
    const HttpResponse answer = get("/metrics");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(parse_prometheus_text(answer.body).value("leader_election_master_status{name=\"billing\"}"), 0);
}

// What changes by time alone, such as who leads, is set when somebody asks.
TEST_F(EndpointsTest, MetricsAreReadAfterThePictureIsTaken) {
    const auto handler = make_handler(metrics_, [this] {
        metrics_.set_leading(true);
        return view_;
    });
    const HttpResponse answer = handler({"GET", "/metrics", false, "*/*"});
    EXPECT_EQ(parse_prometheus_text(answer.body).value("leader_election_master_status{name=\"billing\"}"), 1);
}

TEST_F(EndpointsTest, ASidecarHasNeitherSupervisorNorWorkload) {
    view_.supervisor_connected.reset();
    view_.workload_state.clear();
    EXPECT_EQ(status("/healthz"), 200);
    EXPECT_EQ(get("/livez", true).body, "[+]ping ok\n[+]lease ok\nlivez check passed\n");
    const json picture = json::parse(get("/status").body);
    EXPECT_EQ(picture["supervisor_connected"], nullptr);
    EXPECT_EQ(picture["workload"], nullptr);
    EXPECT_EQ(get("/", false, "text/html").status, 200);
}

TEST_F(EndpointsTest, AStandbyIsReadyAndHealthy) {
    for (const std::string path : {"/healthz", "/livez", "/readyz"}) {
        EXPECT_EQ(status(path), 200) << path;
        EXPECT_EQ(get(path).body, "ok") << path;
    }
    view_.renewed_within_lease = false;  // somebody else's to renew
    EXPECT_EQ(status("/healthz"), 200);
}

TEST_F(EndpointsTest, ALeaderWithoutRenewalIsNotHealthy) {
    view_ = leader();
    EXPECT_EQ(status("/healthz"), 200);
    view_.renewed_within_lease = false;
    for (const std::string role : {"leader", "stopping"}) {
        view_.role = role;
        view_.leading = role == "leader";
        EXPECT_EQ(status("/healthz"), 500) << role;
        EXPECT_EQ(status("/livez"), 500) << role;
        EXPECT_EQ(status("/readyz"), 200) << role;
    }
    EXPECT_EQ(get("/livez").body,
              "[+]ping ok\n[+]supervisor ok\n[-]lease failed: the lease was not renewed within its duration\n"
              "livez check failed\n");
}

TEST_F(EndpointsTest, WithoutSupervisorItIsNotHealthy) {
    view_.supervisor_connected = false;
    EXPECT_EQ(status("/healthz"), 500);
    EXPECT_THAT(get("/healthz").body, HasSubstr("[-]supervisor failed: "));
    EXPECT_EQ(status("/readyz"), 200);
}

TEST_F(EndpointsTest, ReadyMeansThatTheStoreHasAnswered) {
    view_.store_answered = false;
    EXPECT_EQ(status("/readyz"), 500);
    EXPECT_THAT(get("/readyz").body, HasSubstr("[-]store failed: the store has not answered yet\n"));
    EXPECT_THAT(get("/readyz").body, HasSubstr("[+]configuration ok\n"));
    EXPECT_EQ(status("/healthz"), 200);
    view_ = standby();
    view_.configured = false;
    EXPECT_EQ(status("/readyz"), 500);
}

TEST_F(EndpointsTest, VerboseListsEveryCheck) {
    EXPECT_EQ(get("/healthz", true).body, "[+]ping ok\n[+]supervisor ok\n[+]lease ok\nhealthz check passed\n");
    EXPECT_EQ(get("/readyz", true).body, "[+]configuration ok\n[+]store ok\nreadyz check passed\n");
}

TEST_F(EndpointsTest, RolesForLoadBalancers) {
    EXPECT_EQ(status("/leader"), 503);
    EXPECT_EQ(status("/standby"), 200);
    view_ = leader();
    EXPECT_EQ(status("/leader"), 200);
    EXPECT_EQ(status("/standby"), 503);
    EXPECT_EQ(get("/leader").body, "leader\n");
    EXPECT_EQ(get("/standby").body, "not standby\n");
}

TEST_F(EndpointsTest, ALeaderIsSentNothingBeforeItsWorkloadIsReady) {
    view_ = leader();
    view_.workload_ready = false;
    EXPECT_EQ(status("/leader"), 503);
    EXPECT_EQ(get("/leader").body, "leader, but the workload is not ready\n");
    EXPECT_EQ(status("/standby"), 503);
    EXPECT_EQ(status("/readyz"), 200);
    view_.leading = false;
    EXPECT_EQ(get("/leader").body, "not leader\n");
}

TEST_F(EndpointsTest, OnlyLeadingDecidesWhoIsLeader) {
    for (const std::string role : {"standby", "leader", "stopping", "releasing", "finished"}) {
        view_ = leader();
        view_.role = role;
        EXPECT_EQ(status("/leader"), 200) << role;
        EXPECT_EQ(status("/standby"), 503) << role;
        view_.leading = false;  // past the soft instant, whatever the role
        EXPECT_EQ(status("/leader"), 503) << role;
        EXPECT_EQ(status("/standby"), role == "standby" ? 200 : 503) << role;
    }
}

TEST_F(EndpointsTest, StatusTellsEverything) {
    view_ = leader();
    const HttpResponse answer = get("/status");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content_type, "application/json");
    const json expected = {
        {"version", "1.2.3"},
        {"identity", "alpha_1"},
        {"election", "billing"},
        {"store", "file /var/lib/leasehold/billing.lease"},
        {"role", "leader"},
        {"leading", true},
        {"renewed_within_lease", true},
        {"configured", true},
        {"store_answered", true},
        {"supervisor_connected", true},
        {"holder", "alpha_1"},
        {"holder_fresh", true},
        {"transitions", 4},
        {"term", 2},
        {"fencing_token", 77},
        {"soft_in_seconds", 9.5},
        {"hard_in_seconds", 14.25},
        {"free_in_seconds", nullptr},
        {"role_since_seconds", 1700000000.5},
        {"holder_since_seconds", 1700000000.25},
        {"lease_left_seconds", 14.5},
        {"lease_duration_seconds", 15.0},
        {"last_reload", {{"number", 3}, {"successful", false}, {"text", "a broken file"}}},
        {"paused", true},
        {"hindrances", {"it is paused"}},
        {"last_end", {{"term", 1}, {"released", true}}},
        {"workload",
         {{"state", "running"},
          {"hook", "after_start"},
          {"pid", 4321},
          {"last_exit_code", 143},
          {"last_output", {"one <line>", "the last \xef\xbf\xbd"}},
          {"ready", "ready"},
          {"status", "serving"},
          {"health", "passed"}}},
        {"candidacy", "failed"},
        {"standby", {{"state", "stopped"}, {"pid", nullptr}, {"last_exit_code", 3}}},
        {"last_errors", {"timeout"}},
        {"journal", json::array({{{"time_seconds", 1700000000.25}, {"text", "acquired: term 2"}}})},
    };
    EXPECT_EQ(json::parse(answer.body), expected);
}

TEST_F(EndpointsTest, StatusHasTheSameKeysInEveryState) {
    const auto keys = [](const json& object) {
        std::vector<std::string> names;
        for (const auto& [name, value] : object.items()) names.push_back(name);
        return names;
    };
    const json as_standby = json::parse(get("/status").body);
    view_ = leader();
    const json as_leader = json::parse(get("/status").body);
    EXPECT_EQ(keys(as_standby), keys(as_leader));
    EXPECT_EQ(keys(as_standby["workload"]), keys(as_leader["workload"]));
    EXPECT_EQ(as_standby["workload"]["pid"], nullptr);
    EXPECT_EQ(as_standby["workload"]["last_exit_code"], nullptr);
    EXPECT_EQ(as_standby["workload"]["last_output"], nullptr);
    EXPECT_EQ(as_standby["workload"]["health"], nullptr);
    EXPECT_EQ(as_standby["candidacy"], nullptr);
    EXPECT_EQ(as_standby["standby"], nullptr) << "there is no such command";
    EXPECT_EQ(as_standby["free_in_seconds"], 12.5);
}

TEST_F(EndpointsTest, FrontNamesTheHolderLikeLeaderElector) {
    const HttpResponse answer = get("/");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content_type, "application/json");
    EXPECT_EQ(answer.body, "{\"name\":\"beta_2\"}");
}

TEST_F(EndpointsTest, AStaleHolderIsNotNamed) {
    view_.holder_fresh = false;
    EXPECT_EQ(get("/").body, "{\"name\":\"\"}");
    EXPECT_EQ(json::parse(get("/status").body)["holder"], "");
    EXPECT_THAT(get("/", false, "text/html").body, Not(HasSubstr("beta_2")));
}

TEST_F(EndpointsTest, BrowsersGetAPage) {
    const HttpResponse answer = get("/", false, "text/html,application/xhtml+xml,*/*;q=0.8");
    EXPECT_EQ(answer.content_type, "text/html; charset=utf-8");
    EXPECT_EQ(answer.vary, "Accept");
    EXPECT_THAT(answer.policy, HasSubstr("script-src 'sha256-"));
    EXPECT_THAT(answer.body, HasSubstr("beta_2"));
    EXPECT_THAT(answer.body, HasSubstr("billing"));
    EXPECT_EQ(get("/").vary, "Accept");
    EXPECT_EQ(get("/status", false, "text/html").content_type, "application/json");
}

TEST_F(EndpointsTest, HostileTextStaysText) {
    const std::string hostile = "</td><script>alert(\"1\" & '2')</script>\x01\xff\n";
    view_.identity = view_.holder = hostile;
    const json status = json::parse(get("/status").body);
    EXPECT_THAT(status["identity"].get<std::string>(), HasSubstr("<script>alert(\"1\" & '2')"));
    EXPECT_THAT(json::parse(get("/").body)["name"].get<std::string>(), HasSubstr("alert"));
}

TEST_F(EndpointsTest, ATokenProtectsWhatTellsMoreThanAName) {
    std::optional<std::string> token = "s3cret";
    const auto handler = make_handler(
        metrics_, [this] { return view_; }, [&] { return token; });
    const auto ask = [&](const std::string& path, const std::string& authorization, const std::string& accept = "*/*") {
        return handler({"GET", path, false, accept, authorization});
    };
    for (const std::string path : {"/metrics", "/status"}) {
        EXPECT_EQ(ask(path, "Bearer s3cret").status, 200) << path;
        for (const std::string wrong : {"", "Bearer wrong", "Bearer ", "Basic czNjcmV0", "s3cret"}) {
            const HttpResponse answer = ask(path, wrong);
            EXPECT_EQ(answer.status, 401) << path << wrong;
            EXPECT_THAT(answer.challenge, testing::StartsWith("Bearer realm=\"leasehold\""));
            EXPECT_THAT(answer.body, Not(HasSubstr("beta_2")));
            EXPECT_THAT(answer.body, Not(HasSubstr("s3cret")));
        }
    }
    for (const std::string open : {"/", "/healthz", "/livez", "/readyz", "/standby"}) {
        EXPECT_EQ(ask(open, "").status, 200) << open;
    }
    EXPECT_EQ(ask("/leader", "").status, 503);
    EXPECT_EQ(ask("/", "").body, "{\"name\":\"beta_2\"}");
    EXPECT_THAT(ask("/", "", "text/html").body, HasSubstr("beta_2"));
    EXPECT_THAT(ask("/", "", "text/html").body, Not(HasSubstr("billing")));
    EXPECT_THAT(ask("/", "Bearer s3cret", "text/html").body, HasSubstr("billing"));
    token = "another";
    EXPECT_EQ(ask("/status", "Bearer s3cret").status, 401);
    EXPECT_EQ(ask("/status", "Bearer another").status, 200);
    for (const std::optional<std::string>& none : {std::optional<std::string>(), std::optional<std::string>("")}) {
        token = none;
        EXPECT_EQ(ask("/status", "Bearer ").status, 401) << "without a token nobody gets it";
        EXPECT_EQ(ask("/status", "").status, 401);
    }
}

TEST_F(EndpointsTest, UnknownPathsListTheKnownOnes) {
    for (const std::string path : {"/nothing", "/metrics/", "", "*", "//", "/leader/../status"}) {
        const HttpResponse answer = get(path);
        EXPECT_EQ(answer.status, 404) << path;
        for (const std::string known :
             {"/metrics", "/healthz", "/livez", "/readyz", "/leader", "/standby", "/status"}) {
            EXPECT_THAT(answer.body, HasSubstr(known));
            EXPECT_NE(status(known), 404);
        }
    }
}

// The same through real sockets.
class EndpointsServerTest : public ServerTest {};

TEST_F(EndpointsServerTest, AllPathsOverBothFamiliesAndAllMethods) {
    const Metrics metrics({"billing", "1", "r"});
    start({"127.0.0.1:0", "[::1]:0"}, make_handler(metrics, [] { return leader(); }), {});
    for (const std::size_t listener : {0U, 1U}) {
        for (const std::string path : {"/", "/metrics", "/healthz", "/livez", "/readyz", "/leader", "/status"}) {
            EXPECT_EQ(get(path, listener).status, 200) << path;
            for (const std::string method : {"HEAD ", "OPTIONS "}) {
                const Answer bare = request(method + path + " HTTP/1.1\r\nHost: test\r\n\r\n", listener);
                EXPECT_EQ(bare.status, 200) << method << path;
                EXPECT_EQ(bare.body, "") << method << path;
            }
            EXPECT_EQ(request("POST " + path + " HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n{}").status, 405);
        }
        EXPECT_EQ(get("/standby", listener).status, 503);
        EXPECT_EQ(request("OPTIONS /standby HTTP/1.0\r\n\r\n", listener).status, 503);
        EXPECT_EQ(request("HEAD /standby HTTP/1.0\r\n\r\n", listener).status, 503);
        EXPECT_EQ(get("/unknown", listener).status, 404);
        EXPECT_THAT(get("/readyz?verbose", listener).body, HasSubstr("readyz check passed"));
    }
    const Answer text = get("/metrics");
    EXPECT_EQ(text.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(parse_prometheus_text(text.body).problem, "");
}

}  // namespace
}  // namespace leasehold::metrics
