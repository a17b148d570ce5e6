// SPDX-License-Identifier: Apache-2.0
//
// Three candidates before a real Prometheus, which has the rules, and an Alertmanager: through a hand-over in which the
// program has to be killed, and the loss of a whole candidate.
#include <cmath>
#include <map>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/e2e/control_fixture.h"
#include "tests/prometheus/dashboard_queries.h"
#include "tests/servers/prometheus_server.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::servers {
namespace {

using harness::Candidate;
using harness::eventually;
using harness::http_get;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr double kInterval = 0.5;  // seconds between two scrapes

const std::string kFile = LEASEHOLD_SOURCE_FOLDER "/deploy/";

class Failover : public harness::WithControl {
protected:
    void SetUp() override {
        if (const std::string why = alertmanager_unavailable(); !why.empty()) GTEST_SKIP() << why;
        WithControl::SetUp();
        webhook_ = std::make_unique<ScriptedServer>();
        webhook_->handle([](const Request&) { return Reply::text(200, ""); });
        alertmanager_ = std::make_unique<Alertmanager>(webhook_->url() + "/alerts");
        for (const char* const name : {"a", "b", "c"}) {
            // The others find a leader, so that there is one order of events.
            ports_[name] = start_candidate(name).http_port();
            ASSERT_TRUE(ports_.size() > 1 || leads("a"));
        }
        PrometheusServer::Options options{.job = "shop/billing",
                                          .name_space = "shop",
                                          .targets = {},
                                          .interval = "500ms",
                                          .rules = kFile + "prometheus/leasehold.rules.yaml",
                                          .alertmanager = alertmanager_->port()};
        for (const auto& [name, port] : ports_) options.targets.push_back(port);
        prometheus_ = std::make_unique<PrometheusServer>(options);
    }

    Candidate& start_candidate(const std::string& name) {
        // Scrapes come more often than a lease runs out, and a busy machine costs no lease.
        return start(name, {.command = {harness::stamper_program(), folder_.path("board"), "--ignore-term"},
                            .timing = {.lease = "6s", .deadline = "4s", .retry = "200ms"},
                            .extra = fmt::format("control: {{socket: {}}}\n", socket_of(name)),
                            .workload = "  stop: {grace_period: 500ms}\n  restart: {cooldown: 1h}\n",
                            .election = "billing"});
    }

    std::string instance(const std::string& name) const { return fmt::format("127.0.0.1:{}", ports_.at(name)); }

    // Becomes so; if not, says what it is.
    void expect_value(const std::string& expression, double expected) {
        std::optional<double> last;
        const bool became = eventually([&] {
            last = prometheus_->value(expression);
            return last == expected;
        });
        EXPECT_TRUE(became) << expression << " is " << (last ? std::to_string(*last) : "not one value") << ", not "
                            << expected;
    }

    // The candidate that leads, by query; empty if it is not one.
    std::string leader_by_query() {
        const json leading = prometheus_->query("leader_election_master_status{name=\"billing\"} == 1");
        if (leading.size() != 1) return {};
        for (const auto& [name, port] : ports_) {
            if (leading[0]["metric"]["instance"] == instance(name)) return name;
        }
        return {};
    }

    // From the first to the last of a row of samples in which one instance says that it leads.
    struct LeadingStint {
        std::string instance;
        double first = 0;
        double last = 0;
    };
    std::vector<LeadingStint> leading_stints() {
        std::vector<LeadingStint> stints;
        for (const json& series : prometheus_->query("leader_election_master_status[1h]")) {
            bool leading = false;
            for (const json& sample : series["values"]) {
                const bool leads_now = sample[1] == "1";
                const double at = sample[0];
                if (leads_now && !leading) stints.push_back({series["metric"]["instance"], at, at});
                if (leads_now) stints.back().last = at;
                leading = leads_now;
            }
        }
        std::sort(stints.begin(), stints.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        return stints;
    }

    // By the samples as they were scraped, each of which took less than an interval to be answered.
    void expect_never_two_leaders(std::size_t terms) {
        const auto stints = leading_stints();
        EXPECT_EQ(stints.size(), terms);
        for (std::size_t i = 1; i < stints.size(); ++i) {
            EXPECT_LT(stints[i - 1].last, stints[i].first + kInterval)
                << stints[i - 1].instance << " and " << stints[i].instance;
        }
    }

    void expect_lint_clean(int port) {
        const std::string text = http_get(port, "/metrics").body;
        EXPECT_THAT(text, HasSubstr("leasehold_build_info"));
        const auto answer = promtool({"check", "metrics"}, text);
        EXPECT_EQ(answer.status, 0);
        EXPECT_EQ(answer.said, "");
    }

    // The first that arrives with this name.
    json alert_called(const std::string& name) {
        json found;
        webhook_->wait_until([&] {
            for (const Request& request : webhook_->requests()) {
                const json message = json::parse(request.body, nullptr, false);
                for (const json& alert : message.value("alerts", json::array())) {
                    if (alert["labels"]["alertname"] == name) found = alert;
                }
            }
            return !found.is_null();
        });
        return found;
    }

    void expect_alert_of_the_kill() {
        const json alert = alert_called("LeaseholdStopEscalated");
        ASSERT_TRUE(alert.is_object()) << webhook_->request_count() << " messages came";
        EXPECT_EQ(alert["status"], "firing");
        EXPECT_EQ(alert["labels"]["instance"], instance("a"));
        EXPECT_EQ(alert["labels"]["severity"], "warning");
        EXPECT_THAT(alert["annotations"]["summary"].get<std::string>(), HasSubstr(instance("a")));
        EXPECT_THAT(alert["annotations"].dump(), Not(HasSubstr("error expanding")));
        EXPECT_EQ(alert["annotations"]["runbook_url"], "docs/runbooks/LeaseholdStopEscalated.md");
    }

    void expect_alert_of_a_crashed_agent(const std::string& name) {
        kill(candidate_named(name).role("leasehold-agent"), SIGKILL);
        const json alert = alert_called("LeaseholdAgentRestarting");
        ASSERT_TRUE(alert.is_object()) << webhook_->request_count() << " messages came";
        EXPECT_EQ(alert["labels"]["instance"], instance(name));
        expect_value("leasehold:election:standbys", 1);  // it contends again
    }

    // There is an answer, and a number in it.
    bool answered(const std::string& expression) {
        return eventually([&] {
            for (const json& series : prometheus_->query(expression)) {
                const double value = std::strtod(series["value"][1].get<std::string>().c_str(), nullptr);
                if (!std::isnan(value)) return true;
            }
            return false;
        });
    }

    void expect_dashboard_is_filled() {
        const json dashboard = json::parse(harness::read_file(kFile + "grafana/leasehold.json"));
        const std::map<std::string, std::string> chosen{{"namespace", "shop"},
                                                        {"job", "shop/billing"},
                                                        {"election", "billing"},
                                                        {"__rate_interval", "1m"},
                                                        {"__range", "10m"}};
        const auto queries = panel_queries(dashboard, chosen);
        EXPECT_GT(queries.size(), 20U);
        for (const PanelQuery& query : queries) {
            EXPECT_TRUE(answered(query.expression)) << query.panel << ": " << query.expression;
        }
        const auto variables = variable_queries(dashboard, chosen);
        EXPECT_EQ(variables.size(), 3U);
        for (const LabelQuery& query : variables) {
            const json series = prometheus_->series(query.selector);
            ASSERT_FALSE(series.empty()) << query.selector;
            const std::string variable = query.label == "name" ? "election" : query.label;
            for (const json& labels : series) EXPECT_EQ(labels[query.label], chosen.at(variable)) << query.selector;
        }
    }

    std::map<std::string, int> ports_;
    std::unique_ptr<ScriptedServer> webhook_;
    std::unique_ptr<Alertmanager> alertmanager_;
    std::unique_ptr<PrometheusServer> prometheus_;
};

TEST_F(Failover, IsSeenByPrometheusAndItsAlerts) {
    expect_value("sum(up)", 3);
    expect_value("leasehold:election:leaders{name=\"billing\"}", 1);
    expect_value("leasehold:election:candidates", 3);
    expect_value("leasehold:election:standbys", 2);
    expect_value("leasehold:election:transitions", 1);
    EXPECT_EQ(leader_by_query(), "a");
    expect_value("count(leasehold_process_resident_memory_bytes)", 6);  // guardian and supervisor of each

    // The program ignores the request to stop.
    ASSERT_EQ(tell("a", {"resign"}).status, 0);
    expect_alert_of_the_kill();
    expect_value("leasehold:election:leaders", 1);
    expect_value("leasehold:election:transitions", 2);
    expect_value(fmt::format("leasehold_workload_kills_total{{instance=\"{}\"}}", instance("a")), 1);
    expect_value("leasehold:election:standbys", 1);  // the one that resigned rests
    const std::string second = leader_by_query();
    ASSERT_TRUE(second == "b" || second == "c") << second;
    expect_dashboard_is_filled();
    expect_lint_clean(ports_[second]);
    expect_lint_clean(ports_["a"]);

    const std::string third = second == "b" ? "c" : "b";
    ASSERT_EQ(tell(third, {"pause"}).status, 0);
    expect_value("sum(leasehold_paused)", 1);
    expect_value("leasehold:election:standbys", 0);
    ASSERT_EQ(tell(third, {"resume"}).status, 0);
    expect_value("leasehold:election:standbys", 1);

    expect_alert_of_a_crashed_agent(third);
    candidate_named(second).kill_all();
    expect_value("sum(up)", 2);
    EXPECT_TRUE(eventually([&] { return leader_by_query() == third; })) << leader_by_query();
    expect_value("leasehold:election:leaders", 1);
    expect_value("leasehold:election:candidates", 2);
    expect_value("leasehold:election:transitions", 3);
    expect_value(fmt::format("up{{instance=\"{}\"}}", instance(second)), 0);
    expect_value("count(ALERTS{alertname=\"LeaseholdTargetDown\", alertstate=\"pending\"})", 1);
    expect_never_two_leaders(3);
}

}  // namespace
}  // namespace leasehold::servers
