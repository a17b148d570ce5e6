// SPDX-License-Identifier: Apache-2.0
#include "metrics/catalogue.h"

#include <algorithm>
#include <array>

namespace leasehold::metrics {
namespace {

using enum MetricType;

const std::vector<double> kRequestBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

// A grace period is often half a minute, so stops need two more.
const std::vector<double> kStopBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                          0.5,   1,      2.5,   5,    10,    30,   60};

const std::vector<std::string_view> kStoreOperations = {"read", "write", kOther};

// Reasons of the stores (ReadOutcome::reason, WriteOutcome::reason) and, for writes, "conflict".
const std::vector<std::string_view> kStoreFailures = {
    "timeout", "conflict", "too_large",
    // files
    "io", "io_stalled", "no_space", "read_only", "permission", "no_folder", "lock_file", "too_many_files",
    // servers, and the way to them
    "resolve", "connect", "tls", "reset", "malformed", "redirected", "not_kubernetes", "throttled", "server_error",
    // what servers refuse
    "unauthorized", "forbidden", "not_found", "no_namespace", "not_served", "already_exists", "expired", "invalid",
    "refused", kOther};

const std::vector<std::string_view> kStreams = {"stdout", "stderr"};

std::vector<std::string_view> store_codes() {
    std::vector<std::string_view> codes = {"ok"};
    codes.insert(codes.end(), kStoreFailures.begin(), kStoreFailures.end());
    return codes;
}

std::vector<MetricSpec> election_metrics() {
    return {
        {Metric::master_status,
         "leader_election_master_status",
         gauge,
         "",
         "1 while this instance may call itself leader of the named election, else 0.",
         "Always first: who leads. The sum over the candidates of an election is to be 1.",
         {{"name"}}},
        {Metric::contending, "leasehold_contending", gauge, "",
         "1 while nothing keeps this instance from contending for the lease; 0 while it is paused, at rest or not "
         "able.",
         "Nobody takes over, or a standby is missing: 0 says that this candidate would not; 'leasehold status' says "
         "why."},
        {Metric::paused, "leasehold_paused", gauge, "",
         "1 while this instance does nothing by itself: leasehold pause.",
         "Nothing happens by itself: somebody has paused this candidate and may have forgotten it."},
        {Metric::leader_acquisitions, "leasehold_leader_acquisitions_total", counter, "",
         "Terms of leadership that began here.", "Who led how often; how often leadership moves."},
        {Metric::leader_losses,
         "leasehold_leader_losses_total",
         counter,
         "",
         "Terms of leadership that ended here, by reason.",
         "Why leadership moved: deadline means that the store could not be reached, requested that somebody wanted it.",
         {{"reason", {"deadline", "other_holder", "requested", "workload_ended", "yielded", kOther}}}},
        {Metric::lease_transitions, "leasehold_lease_transitions", gauge, "",
         "Terms of the election so far, as its record says.",
         "Flapping: it grows by one with every term of the election, and all candidates show the same."},
    };
}

std::vector<MetricSpec> lease_metrics() {
    return {
        {Metric::lease_renew_duration,
         "leasehold_lease_renew_duration_seconds",
         histogram,
         "seconds",
         "Time from sending a successful renewal to its answer.",
         "Renewals take a noticeable part of the renew deadline: how far away the store is from failing.",
         {},
         kRequestBuckets},
        {Metric::lease_renewals, "leasehold_lease_renewals_total", counter, "", "Renewals of the lease that succeeded.",
         "Whether a leader renews at all: about one in each retry period."},
        {Metric::lease_renew_failures,
         "leasehold_lease_renew_failures_total",
         counter,
         "",
         "Renewals of the lease that did not succeed and were tried again, by reason.",
         "Leadership was lost or nearly: what the store or the way to it does wrong.",
         {{"reason", kStoreFailures}}},
        {Metric::lease_last_renew, "leasehold_lease_last_renew_timestamp_seconds", gauge, "seconds",
         "When the last successful renewal was sent, in seconds since the epoch.",
         "How long ago the leader renewed, compared with the renew deadline."},
        {Metric::lease_expiry, "leasehold_lease_expiry_timestamp_seconds", gauge, "seconds",
         "When the lease of this instance runs out unless it is renewed, in seconds since the epoch.",
         "When a successor may start at the latest, if this candidate is gone."},
        {Metric::lease_duration, "leasehold_lease_duration_seconds", gauge, "seconds", "The configured lease duration.",
         "The scale for the lease time that is left."},
        {Metric::lease_renew_deadline, "leasehold_lease_renew_deadline_seconds", gauge, "seconds",
         "The configured renew deadline: how long after the last renewal leadership is given up.",
         "The scale for the renewals' durations and for the time since the last one."},
    };
}

std::vector<MetricSpec> store_metrics() {
    return {
        {Metric::store_requests,
         "leasehold_store_requests_total",
         counter,
         "",
         "Requests to the store, by operation and outcome.",
         "What a candidate asks of the store, standbys included, and how it is answered.",
         {{"operation", kStoreOperations}, {"code", store_codes()}}},
        {Metric::store_request_duration,
         "leasehold_store_request_duration_seconds",
         histogram,
         "seconds",
         "How long requests to the store took, answered or not.",
         "The store is slow for everybody, or for the leader alone.",
         {{"operation", kStoreOperations}},
         kRequestBuckets},
    };
}

std::vector<MetricSpec> workload_metrics() {
    return {
        {Metric::workload_state,
         "leasehold_workload_state",
         gauge,
         "",
         "1 for the state that the workload is in, 0 for the others.",
         "The candidate leads, and the program does not run: backoff and held are of a program that ended by itself.",
         {{"state", {"stopped", "starting", "running", "backoff", "held", "stopping", "unkillable"}}}},
        {Metric::workload_starts, "leasehold_workload_starts_total", counter, "", "Starts of the workload.",
         "Crash loops: more starts than terms are restarts."},
        {Metric::workload_exits,
         "leasehold_workload_exits_total",
         counter,
         "",
         "Ends of the workload's own process: with an exit code, or by a signal.",
         "Crash loops, and whether a signal ended it.",
         {{"reason", {"code", "signal", kOther}}}},
        {Metric::workload_kills, "leasehold_workload_kills_total", counter, "",
         "Stops of the workload that had to be forced with SIGKILL.",
         "The grace period is too short, or the program does not stop when asked."},
        {Metric::workload_last_exit_code, "leasehold_workload_last_exit_code", gauge, "",
         "Exit code of the workload's last end; 128 and the signal's number when a signal ended it.",
         "Why the program ended: the code is its own."},
        {Metric::workload_start_time, "leasehold_workload_start_timestamp_seconds", gauge, "seconds",
         "When the workload was last started, in seconds since the epoch.", "How long the program has been running."},
        {Metric::workload_stop_duration,
         "leasehold_workload_stop_duration_seconds",
         histogram,
         "seconds",
         "Time from asking the workload to stop to the proof that nothing of it is alive.",
         "How long a hand-over takes: compare it with the grace period, and with what a lost lease leaves.",
         {},
         kStopBuckets},
        {Metric::hook_failures,
         "leasehold_hook_failures_total",
         counter,
         "",
         "Failures of the commands at the turns of a term, and of the stop command.",
         "A term begins or ends differently than expected: a failing before_start keeps the program from starting.",
         {{"hook", {"before_start", "after_start", "before_stop", "stop", "after_stop"}}}},
    };
}

std::vector<MetricSpec> output_metrics() {
    return {
        {Metric::workload_output_lines,
         "leasehold_workload_output_lines_total",
         counter,
         "",
         "Lines that the workload has written, if its output is captured.",
         "A program that has fallen silent, or writes far more than usual.",
         {{"stream", kStreams}}},
        {Metric::workload_output_bytes,
         "leasehold_workload_output_bytes_total",
         counter,
         "bytes",
         "Bytes that the workload has written, if its output is captured.",
         "How fast the log grows.",
         {{"stream", kStreams}}},
        {Metric::workload_output_dropped_lines,
         "leasehold_workload_output_dropped_lines_total",
         counter,
         "",
         "Lines of the workload that were dropped, because nobody took them in time.",
         "Lines are missing from the log.",
         {{"stream", kStreams}}},
    };
}

std::vector<MetricSpec> fence_metrics() {
    return {
        {Metric::fence_margin, "leasehold_fence_margin_seconds", gauge, "seconds",
         "Lease time that was left when the workload's tree was last proven empty; negative: it outlived its lease.",
         "How close the last stop came to a second program running: it is to stay well above zero. 0 before the "
         "first."},
        {Metric::fence_overruns, "leasehold_fence_overruns_total", counter, "",
         "Times that the workload's tree outlived its lease.", "Always: the one number that is never to grow."},
    };
}

std::vector<MetricSpec> program_metrics() {
    return {
        {Metric::agent_restarts, "leasehold_agent_restarts_total", counter, "",
         "Times that the agent process was restarted because it had ended by itself.",
         "Gaps in all other metrics, counters that begin again: the agent crashes."},
        {Metric::last_reload, "leasehold_config_last_reload_successful", gauge, "",
         "1 when the configuration that was read last is in force, 0 when it was not possible.",
         "After a change of the configuration: 0 means that the old one is still in force."},
        {Metric::containment_info,
         "leasehold_containment_info",
         gauge,
         "",
         "1 for the method by which the workload's tree is contained.",
         "What is killed with the program: see docs/guarantee.md.",
         {{"method", {"cgroup", "subreaper", "namespace"}}}},
        {Metric::build_info,
         "leasehold_build_info",
         gauge,
         "",
         "Always 1; the labels name the build.",
         "During an upgrade: which candidate runs what.",
         {{"version"}, {"revision"}}},
    };
}

const LabelSpec kOtherProcesses = {"process", {"guardian", "supervisor"}};

std::vector<MetricSpec> process_metrics() {
    return {
        {Metric::other_process_cpu_seconds,
         "leasehold_process_cpu_seconds_total",
         counter,
         "seconds",
         "User and system CPU time of the processes beside the agent.",
         "The machine is busy: they need next to nothing.",
         {kOtherProcesses}},
        {Metric::other_process_resident_memory,
         "leasehold_process_resident_memory_bytes",
         gauge,
         "bytes",
         "Resident memory of the processes beside the agent.",
         "Memory of the container grows: neither of them does over time.",
         {kOtherProcesses}},
        {Metric::other_process_open_fds,
         "leasehold_process_open_fds",
         gauge,
         "",
         "Open file descriptors of the processes beside the agent.",
         "Descriptors leak: the number is constant in either of them.",
         {kOtherProcesses}},
        {Metric::other_process_start_time,
         "leasehold_process_start_time_seconds",
         gauge,
         "seconds",
         "When the processes beside the agent were started, in seconds since the epoch.",
         "A supervisor younger than its guardian was started again, and its program with it.",
         {kOtherProcesses}},
        {Metric::process_cpu_seconds, "process_cpu_seconds_total", counter, "seconds",
         "User and system CPU time of the agent process.",
         "The agent is busy: nearly all of it is scrapes and renewals."},
        {Metric::process_resident_memory, "process_resident_memory_bytes", gauge, "bytes",
         "Resident memory of the agent process.", "Memory of the container grows."},
        {Metric::process_virtual_memory, "process_virtual_memory_bytes", gauge, "bytes",
         "Virtual memory of the agent process.", "Seldom: address space is not memory."},
        {Metric::process_open_fds, "process_open_fds", gauge, "", "Open file descriptors of the agent process.",
         "Descriptors leak; open connections of scrapers and probes count."},
        {Metric::process_max_fds, "process_max_fds", gauge, "", "How many file descriptors the agent process may open.",
         "The scale for the open ones."},
        {Metric::process_start_time, "process_start_time_seconds", gauge, "seconds",
         "When the agent process was started, in seconds since the epoch.",
         "An agent younger than its container was restarted."},
    };
}

}  // namespace

const std::vector<MetricSpec>& catalogue() {
    static const std::vector<MetricSpec> all = [] {
        std::vector<MetricSpec> specs;
        for (auto&& part : {election_metrics(), lease_metrics(), store_metrics(), workload_metrics(), output_metrics(),
                            fence_metrics(), program_metrics(), process_metrics()}) {
            specs.insert(specs.end(), part.begin(), part.end());
        }
        return specs;
    }();
    return all;
}

const MetricSpec& spec(Metric id) { return catalogue().at(static_cast<std::size_t>(id)); }

std::string_view known_value(const LabelSpec& label, std::string_view value) {
    if (std::find(label.values.begin(), label.values.end(), value) != label.values.end()) return value;
    const bool takes_others = !label.values.empty() && label.values.back() == kOther;
    return takes_others ? kOther : std::string_view();
}

std::string lint(const MetricSpec& spec) {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (spec.name.empty() || spec.name.find_first_not_of(kAllowed) != std::string_view::npos) {
        return "is not snake_case";
    }
    const bool total = spec.name.ends_with("_total");
    if (total != (spec.type == counter)) return "ends in _total exactly when it is a counter";
    if (!spec.unit.empty()) {
        const std::string suffix = "_" + std::string(spec.unit) + (total ? "_total" : "");
        if (!spec.name.ends_with(suffix)) return "does not end in its unit, " + suffix;
    }
    constexpr std::array<std::string_view, 7> kNotBase = {"millis",  "micros", "nanos", "_ms",
                                                          "minutes", "kilo",   "mega"};
    for (const std::string_view unit : kNotBase) {
        if (spec.name.find(unit) != std::string_view::npos) return "has a unit that is not a base unit";
    }
    if (spec.help.empty() || spec.help.back() != '.' || spec.help.find_first_of("\\\n") != std::string_view::npos) {
        return "needs a help text of one plain sentence";
    }
    if ((spec.type == histogram) == spec.buckets.empty()) return "has buckets exactly when it is a histogram";
    if (!std::is_sorted(spec.buckets.begin(), spec.buckets.end())) return "has unsorted buckets";
    return {};
}

}  // namespace leasehold::metrics
