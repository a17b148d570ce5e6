// SPDX-License-Identifier: Apache-2.0
//
// Every metric that the program exports: one table with name, type, unit, help and the label values known beforehand.
// Nothing else in the program spells a metric's name. A new metric is a new line here and in catalogue.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace leasehold::metrics {

// Indexes catalogue().
enum class Metric : std::size_t {
    master_status,
    contending,
    paused,
    leader_acquisitions,
    leader_losses,
    lease_transitions,
    lease_renew_duration,
    lease_renewals,
    lease_renew_failures,
    lease_last_renew,
    lease_expiry,
    lease_duration,
    lease_renew_deadline,
    store_requests,
    store_request_duration,
    workload_state,
    workload_starts,
    workload_exits,
    workload_kills,
    workload_last_exit_code,
    workload_start_time,
    workload_stop_duration,
    hook_failures,
    workload_output_lines,
    workload_output_bytes,
    workload_output_dropped_lines,
    fence_margin,
    fence_overruns,
    agent_restarts,
    last_reload,
    containment_info,
    build_info,
    other_process_cpu_seconds,
    other_process_resident_memory,
    other_process_open_fds,
    other_process_start_time,
    process_cpu_seconds,
    process_resident_memory,
    process_virtual_memory,
    process_open_fds,
    process_max_fds,
    process_start_time,
};

enum class MetricType { counter, gauge, histogram };

struct LabelSpec {
    std::string_view name;
    // Every value the label can take; a series stands for each from the start. Where the last one is kOther, it takes
    // everything that is not listed. Empty: the one value is given when the program starts (a name, a version).
    std::vector<std::string_view> values = {};
};

struct MetricSpec {
    Metric id;
    std::string_view name;
    MetricType type;
    std::string_view unit;  // "seconds", "bytes", or empty for plain numbers
    std::string_view help;
    std::string_view look = {};  // when somebody looks at it, and what for: for docs/metrics.md
    std::vector<LabelSpec> labels = {};
    std::vector<double> buckets = {};  // histograms only
};

inline constexpr std::string_view kOther = "other";

// In the order of Metric.
const std::vector<MetricSpec>& catalogue();

const MetricSpec& spec(Metric id);

// `value` if the label knows it, kOther if the label has that, otherwise empty: the value belongs to no series.
std::string_view known_value(const LabelSpec& label, std::string_view value);

// What is wrong with a metric's name, type or unit by the conventions of Prometheus; empty when nothing is.
std::string lint(const MetricSpec& spec);

}  // namespace leasehold::metrics
