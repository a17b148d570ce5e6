// SPDX-License-Identifier: Apache-2.0
//
// The subcommands that start nothing.
#include <algorithm>
#include <cstdio>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/exit_status.h"
#include "app/load.h"
#include "app/store_choice.h"
#include "base/duration_text.h"
#include "config/config.h"
#include "supervisor/containment.h"

namespace leasehold::app {
namespace {

// A configuration for inspection: the command may come from the command line of `run` later.
std::optional<config::Options> load(const std::string& file) {
    return load_or_complain(file, {config::process_environment(), true});
}

// A sidecar's file has none, and nor need the file of an image that names its command.
bool has_workload(const config::Options& options) { return options.workload != supervisor::WorkloadOptions{}; }

void print_line(const std::string& what, const std::string& value) { fmt::print("  {:<58}{}\n", what, value); }

void print_budget(const config::Options& options) {
    const election::Timing& timing = options.election.timing;
    const election::Budget budget = election::budget(timing);
    fmt::print("Timing (lease {}, renew deadline {}, retry period {}, margin {}):\n", to_text(timing.lease_duration),
               to_text(timing.renew_deadline), to_text(timing.retry_period), to_text(timing.margin()));
    print_line("a store outage goes unnoticed up to",
               to_text(budget.outage_tolerated_worst) + " to " + to_text(budget.outage_tolerated));
    if (has_workload(options)) {
        print_line("then the workload is asked to stop, and killed after", to_text(budget.forced_stop_time));
        const bool follows = !options.workload.hooks.after_stop.empty();
        print_line("a planned stop lets the workload take up to",
                   to_text(options.workload.stop.grace_period) +
                       (follows ? ", then after_stop " + to_text(options.workload.hooks.timeout) : ""));
    } else {
        print_line("then leadership ends; a workload of `run` is killed after", to_text(budget.forced_stop_time));
    }
    fmt::print("A successor starts:\n");
    print_line("after a clean stop, or when the supervisor dies", "at once");
    print_line("after the whole candidate is lost, at the latest", to_text(budget.takeover_at_most));
    print_line("after the whole candidate is lost, at the earliest", to_text(budget.takeover_at_least));
    print_line("on the very first start, or when the record was deleted",
               "after " + to_text(timing.lease_duration) + ", unless known to be new");
    if (has_workload(options) && options.workload.stop.grace_period > budget.forced_stop_time) {
        fmt::print("Note: when leadership is lost the workload gets {}, not its grace period of {}.\n",
                   to_text(budget.forced_stop_time), to_text(options.workload.stop.grace_period));
    }
}

int print_containment(const config::Options& options) {
    const auto prepared = prepare_store(options);
    if (!prepared) {
        complain(prepared.error().message);
        return kLeaseholdFailed;
    }
    const auto plan =
        supervisor::plan_containment(options.workload.containment, options.election.name, prepared->lock_id);
    if (!plan) {
        complain(plan.error().message);
        return kLeaseholdFailed;
    }
    fmt::print("Containment: {}.\n", supervisor::describe(*plan));
    return 0;
}

// The store is looked at whatever became of the command, which may be there only where the program is to run, while the
// rights can be asked for from elsewhere. The worst status counts.
int probe_all(const config::Options& options) {
    int command = 0;
    if (!options.workload.command.empty()) {
        supervisor::WorkloadOptions workload = options.workload;
        supervisor::ProcessAttributes attributes;
        const auto prepared = prepare_workload(workload, attributes);
        if (!prepared) complain(prepared.error().message);
        command = prepared ? 0 : prepared.error().code;
        if (prepared) fmt::print("Command: {} can be executed.\n", options.workload.command.front());
    }
    int rest = probe_store(options);
    if (rest == 0 && has_workload(options)) rest = print_containment(options);
    return std::max(command, rest);
}

}  // namespace

int init_command(const std::string& config) {
    const auto options = load(config);
    if (!options) return kUsage;
    const auto done = init_store(*options);
    if (!done) {
        complain(done.error().message);
        return kLeaseholdFailed;
    }
    fmt::print("{}\n", *done);
    return 0;
}

int check_command(const std::string& config, bool probe) {
    const auto options = load(config);
    if (!options) return kUsage;
    fmt::print("{}: valid\n", config);
    print_budget(*options);
    return probe ? probe_all(*options) : 0;
}

int config_command(const std::string& config) {
    const auto options = load(config);
    if (!options) return kUsage;
    fmt::print("{}", config::to_yaml(*options, true));
    return 0;
}

int schema_command() {
    fmt::print("{}\n", config::json_schema());
    return 0;
}

}  // namespace leasehold::app
