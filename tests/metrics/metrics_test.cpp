// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics.h"

#include <cstdio>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "metrics/catalogue.h"
#include "prometheus_text.h"

namespace leasehold::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const MetricLabels kLabels{"billing", "1.2.3", "abcdef"};

std::string type_name(MetricType type) {
    switch (type) {
        case MetricType::counter: return "counter";
        case MetricType::gauge: return "gauge";
        case MetricType::histogram: return "histogram";
    }
    return "";
}

std::size_t expected_series(const MetricSpec& metric) {
    std::size_t count = 1;
    for (const LabelSpec& label : metric.labels) count *= label.values.empty() ? 1 : label.values.size();
    const std::size_t lines_each = metric.type == MetricType::histogram ? metric.buckets.size() + 3 : 1;
    return count * lines_each;
}

class MetricsTest : public testing::Test {
protected:
    ParsedText parsed() const { return parse_prometheus_text(metrics_.text()); }
    double value(const std::string& series) const { return parsed().value(series).value_or(-12345); }

    MetricsTest() {
        metrics_.set_process("guardian", getpid());
        metrics_.set_process("supervisor", getpid());
    }

    Metrics metrics_{kLabels};
};

TEST(Catalogue, IsInTheOrderOfItsIds) {
    for (std::size_t i = 0; i < catalogue().size(); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(catalogue()[i].id), i) << catalogue()[i].name;
    }
    EXPECT_EQ(spec(Metric::process_start_time).name, "process_start_time_seconds");
    EXPECT_EQ(catalogue().back().id, Metric::process_start_time);
}

TEST(Catalogue, NamesKeepTheConventions) {
    std::set<std::string_view> names;
    for (const MetricSpec& metric : catalogue()) {
        EXPECT_EQ(lint(metric), "") << metric.name;
        EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    }
}

TEST(Catalogue, LintFindsWhatIsWrong) {
    const MetricSpec good{Metric::build_info, "a_duration_seconds", MetricType::gauge, "seconds", "Help."};
    EXPECT_EQ(lint(good), "");
    const auto changed = [&](auto change) {
        MetricSpec bad = good;
        change(bad);
        return lint(bad);
    };
    EXPECT_NE(changed([](auto& m) { m.name = "aDuration_seconds"; }), "");
    EXPECT_NE(changed([](auto& m) { m.name = ""; }), "");
    EXPECT_NE(changed([](auto& m) { m.type = MetricType::counter; }), "");
    EXPECT_NE(changed([](auto& m) { m.name = "a_duration_seconds_total"; }), "");
    EXPECT_NE(changed([](auto& m) { m.name = "a_duration"; }), "");
    EXPECT_NE(changed([](auto& m) { m.name = "a_duration_milliseconds"; }), "");
    EXPECT_NE(changed([](auto& m) { m.help = ""; }), "");
    EXPECT_NE(changed([](auto& m) { m.help = "No\nplain sentence."; }), "");
    EXPECT_NE(changed([](auto& m) { m.type = MetricType::histogram; }), "");
    EXPECT_NE(changed([](auto& m) { m.buckets = {1}; }), "");
    EXPECT_NE(changed([](auto& m) {
                  m.type = MetricType::histogram;
                  m.buckets = {2, 1};
              }),
              "");
}

TEST(PrometheusText, ReaderRefusesWhatAScraperWould) {
    const std::string head = "# HELP a A.\n# TYPE a gauge\n";
    EXPECT_EQ(parse_prometheus_text(head + "a{b=\"c\"} 1\n").problem, "");
    EXPECT_NE(parse_prometheus_text(head + "a 1").problem, "");
    EXPECT_NE(parse_prometheus_text(head + "a one\n").problem, "");
    EXPECT_NE(parse_prometheus_text(head + "a\n").problem, "");
    EXPECT_NE(parse_prometheus_text(head + "b 1\n").problem, "");
    EXPECT_NE(parse_prometheus_text(head + "a 1\na 1\n").problem, "");
    EXPECT_NE(parse_prometheus_text(head + head + "a 1\n").problem, "");
    EXPECT_NE(parse_prometheus_text("a 1\n").problem, "");
}

TEST_F(MetricsTest, EverySeriesStandsAtZeroFromTheStart) {
    const ParsedText text = parsed();
    EXPECT_EQ(text.problem, "");
    EXPECT_EQ(text.families.size(), catalogue().size());
    for (const MetricSpec& metric : catalogue()) {
        const auto family = text.families.find(std::string(metric.name));
        ASSERT_NE(family, text.families.end()) << metric.name;
        EXPECT_EQ(family->second.help, metric.help);
        EXPECT_EQ(family->second.type, type_name(metric.type)) << metric.name;
        EXPECT_EQ(family->second.samples.size(), expected_series(metric)) << metric.name;
        if (metric.name.find("process_") != std::string_view::npos || metric.id == Metric::build_info) continue;
        for (const auto& [series, value] : family->second.samples) EXPECT_EQ(value, 0) << series;
    }
}

TEST_F(MetricsTest, HistogramsReachFromAMillisecondToTenSeconds) {
    for (const std::string bound : {"0.001", "10", "+Inf"}) {
        EXPECT_EQ(value("leasehold_lease_renew_duration_seconds_bucket{le=\"" + bound + "\"}"), 0) << bound;
    }
}

TEST_F(MetricsTest, TextIsSortedAndRepeatable) {
    const auto text_without_process = [] {
        const std::string text = Metrics(kLabels).text();
        return text.substr(0, text.find("# HELP process_"));
    };
    EXPECT_EQ(text_without_process(), text_without_process());
}

TEST_F(MetricsTest, GivenLabelsAreEscaped) {
    const Metrics metrics({"a\"b\\c\nd", "v", "r"});
    const ParsedText text = parse_prometheus_text(metrics.text());
    EXPECT_EQ(text.problem, "");
    EXPECT_EQ(text.value("leader_election_master_status{name=\"a\\\"b\\\\c\\nd\"}"), 0);
    EXPECT_EQ(text.value("leasehold_build_info{revision=\"r\",version=\"v\"}"), 1);
}

TEST_F(MetricsTest, TellsOfTheElection) {
    metrics_.set_timing(seconds(15), milliseconds(2500));
    metrics_.set_leading(true);
    metrics_.acquired();
    metrics_.set_transitions(7);
    metrics_.renewed(milliseconds(3), 1000.5, 1015.5);
    metrics_.renew_failed("timeout");
    metrics_.store_request("write", "ok", milliseconds(3));
    metrics_.store_request("read", "timeout", seconds(20));
    metrics_.lost("deadline");

    EXPECT_EQ(value("leasehold_lease_duration_seconds"), 15);
    EXPECT_EQ(value("leasehold_lease_renew_deadline_seconds"), 2.5);
    EXPECT_EQ(value("leader_election_master_status{name=\"billing\"}"), 1);
    EXPECT_EQ(value("leasehold_leader_acquisitions_total"), 1);
    EXPECT_EQ(value("leasehold_lease_transitions"), 7);
    EXPECT_EQ(value("leasehold_lease_renewals_total"), 1);
    EXPECT_EQ(value("leasehold_lease_last_renew_timestamp_seconds"), 1000.5);
    EXPECT_EQ(value("leasehold_lease_expiry_timestamp_seconds"), 1015.5);
    EXPECT_EQ(value("leasehold_lease_renew_duration_seconds_bucket{le=\"0.0025\"}"), 0);
    EXPECT_EQ(value("leasehold_lease_renew_duration_seconds_bucket{le=\"0.005\"}"), 1);
    EXPECT_EQ(value("leasehold_lease_renew_failures_total{reason=\"timeout\"}"), 1);
    EXPECT_EQ(value("leasehold_store_requests_total{code=\"ok\",operation=\"write\"}"), 1);
    EXPECT_EQ(value("leasehold_store_request_duration_seconds_bucket{operation=\"read\",le=\"10\"}"), 0);
    EXPECT_EQ(value("leasehold_store_request_duration_seconds_count{operation=\"read\"}"), 1);
    EXPECT_EQ(value("leasehold_leader_losses_total{reason=\"deadline\"}"), 1);

    metrics_.set_leading(false);
    EXPECT_EQ(value("leader_election_master_status{name=\"billing\"}"), 0);
}

TEST_F(MetricsTest, TellsOfTheWorkload) {
    metrics_.set_workload_state("stopped");
    metrics_.workload_started(1234);
    metrics_.set_workload_state("running");
    metrics_.workload_exited("signal", 143);
    metrics_.workload_killed();
    metrics_.workload_stopped(seconds(40));
    metrics_.hook_failed("after_stop");

    EXPECT_EQ(value("leasehold_hook_failures_total{hook=\"after_stop\"}"), 1);
    EXPECT_EQ(value("leasehold_hook_failures_total{hook=\"stop\"}"), 0);
    EXPECT_EQ(value("leasehold_workload_state{state=\"running\"}"), 1);
    EXPECT_EQ(value("leasehold_workload_state{state=\"stopped\"}"), 0);
    EXPECT_EQ(value("leasehold_workload_starts_total"), 1);
    EXPECT_EQ(value("leasehold_workload_start_timestamp_seconds"), 1234);
    EXPECT_EQ(value("leasehold_workload_exits_total{reason=\"signal\"}"), 1);
    EXPECT_EQ(value("leasehold_workload_last_exit_code"), 143);
    EXPECT_EQ(value("leasehold_workload_kills_total"), 1);
    EXPECT_EQ(value("leasehold_workload_stop_duration_seconds_bucket{le=\"30\"}"), 0);
    EXPECT_EQ(value("leasehold_workload_stop_duration_seconds_bucket{le=\"60\"}"), 1);
}

TEST_F(MetricsTest, OnlyNegativeFenceMarginsAreOverruns) {
    metrics_.fence_margin(milliseconds(1500));
    EXPECT_EQ(value("leasehold_fence_margin_seconds"), 1.5);
    metrics_.fence_margin(Duration::zero());
    EXPECT_EQ(value("leasehold_fence_overruns_total"), 0);
    metrics_.fence_margin(milliseconds(-20));
    EXPECT_EQ(value("leasehold_fence_margin_seconds"), -0.02);
    EXPECT_EQ(value("leasehold_fence_overruns_total"), 1);
}

TEST_F(MetricsTest, UnknownLabelValuesBecomeOther) {
    const std::size_t before = parsed().families.at("leasehold_store_requests_total").samples.size();
    metrics_.lost("aliens");
    metrics_.renew_failed("");
    metrics_.store_request("dance", "418", milliseconds(1));
    metrics_.workload_exited("boredom", 0);
    EXPECT_EQ(value("leasehold_leader_losses_total{reason=\"other\"}"), 1);
    EXPECT_EQ(value("leasehold_lease_renew_failures_total{reason=\"other\"}"), 1);
    EXPECT_EQ(value("leasehold_store_requests_total{code=\"other\",operation=\"other\"}"), 1);
    EXPECT_EQ(value("leasehold_workload_exits_total{reason=\"other\"}"), 1);
    EXPECT_EQ(parsed().families.at("leasehold_store_requests_total").samples.size(), before);
}

TEST_F(MetricsTest, UnknownStatesLeaveZeros) {
    metrics_.set_workload_state("running");
    metrics_.set_workload_state("flying");
    metrics_.set_containment("hope");
    const ParsedText text = parsed();
    for (const auto& [series, value] : text.families.at("leasehold_workload_state").samples) {
        EXPECT_EQ(value, 0) << series;
    }
    EXPECT_EQ(value("leasehold_containment_info{method=\"subreaper\"}"), 0);
    metrics_.set_containment("subreaper");
    EXPECT_EQ(value("leasehold_containment_info{method=\"subreaper\"}"), 1);
}

TEST_F(MetricsTest, AgentRestartsNeverFall) {
    metrics_.set_agent_restarts(3);
    metrics_.set_agent_restarts(3);
    EXPECT_EQ(value("leasehold_agent_restarts_total"), 3);
    metrics_.set_agent_restarts(1);
    EXPECT_EQ(value("leasehold_agent_restarts_total"), 3);
}

TEST_F(MetricsTest, ProcessMetricsAreThoseOfThisProcess) {
    EXPECT_GT(value("process_resident_memory_bytes"), 1e5);
    EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
    EXPECT_GE(value("process_cpu_seconds_total"), 0);
    EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
    EXPECT_GT(value("process_start_time_seconds"), 1.6e9);

    const double before = value("process_open_fds");
    const int fd = dup(STDERR_FILENO);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(value("process_open_fds"), before + 1);
    close(fd);
}

TEST_F(MetricsTest, TheProcessesBesideTheAgentAreShownByTheirRoles) {
    const std::string metric = "leasehold_process_resident_memory_bytes";
    EXPECT_GT(value(metric + "{process=\"guardian\"}"), 1e5);
    EXPECT_GT(value("leasehold_process_start_time_seconds{process=\"supervisor\"}"), 1.6e9);

    const double before = value("leasehold_process_open_fds{process=\"guardian\"}");
    const int fd = dup(STDERR_FILENO);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(value("leasehold_process_open_fds{process=\"guardian\"}") - before, 1);
    close(fd);

    metrics_.set_process("supervisor", 0);  // it is gone
    EXPECT_FALSE(parsed().value(metric + "{process=\"supervisor\"}"));
    EXPECT_TRUE(parsed().value(metric + "{process=\"guardian\"}"));
    EXPECT_EQ(parse_prometheus_text(Metrics(kLabels).text()).families.count(metric), 0U);
}

TEST_F(MetricsTest, WhatKeepsACandidateFromContendingIsShown) {
    metrics_.set_contending(true);
    EXPECT_EQ(value("leasehold_contending"), 1);
    EXPECT_EQ(value("leasehold_paused"), 0);
    metrics_.set_contending(false);
    metrics_.set_paused(true);
    EXPECT_EQ(value("leasehold_contending"), 0);
    EXPECT_EQ(value("leasehold_paused"), 1);
}

}  // namespace
}  // namespace leasehold::metrics
