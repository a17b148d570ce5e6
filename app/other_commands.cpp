// SPDX-License-Identifier: Apache-2.0
//
// The subcommands that start nothing.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/exit_status.h"
#include "app/http_protection.h"
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

void print_note_on_before_stop(const supervisor::WorkloadOptions& workload) {
    const supervisor::HookOptions& hooks = workload.hooks;
    if (hooks.before_stop.empty() || hooks.timeout < workload.stop.grace_period) return;
    fmt::print(
        "Note: before_stop may take {} (workload.hooks.timeout), all of the grace period of {}: the workload is "
        "then killed without being asked.\n",
        to_text(hooks.timeout), to_text(workload.stop.grace_period));
}

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
    print_note_on_before_stop(options.workload);
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

struct NamedCommand {
    const char* key;
    std::vector<std::string> command;
};

// All that `run` would ever execute.
std::vector<NamedCommand> commands_of(const supervisor::WorkloadOptions& workload) {
    const supervisor::HookOptions& hooks = workload.hooks;
    std::vector<NamedCommand> all = {{"workload.command", workload.command},
                                     {"workload.standby_command", workload.standby_command},
                                     {"workload.hooks.before_start", hooks.before_start},
                                     {"workload.hooks.after_start", hooks.after_start},
                                     {"workload.hooks.before_stop", hooks.before_stop},
                                     {"workload.hooks.after_stop", hooks.after_stop},
                                     {"workload.hooks.on_new_leader", hooks.on_new_leader},
                                     {"workload.stop.command", workload.stop.command},
                                     {"workload.ready.exec", workload.ready.probe.exec},
                                     {"workload.health.exec", workload.health.exec},
                                     {"workload.candidacy.exec", workload.candidacy.exec}};
    std::erase_if(all, [](const NamedCommand& one) { return one.command.empty(); });
    return all;
}

// The worst status counts.
int probe_commands(const config::Options& options) {
    const auto commands = commands_of(options.workload);
    if (commands.empty()) return 0;
    supervisor::WorkloadOptions workload = options.workload;
    supervisor::ProcessAttributes attributes;
    if (const auto prepared = prepare_process(workload, attributes); !prepared) {
        complain(prepared.error().message);
        return prepared.error().code;
    }
    int worst = 0;
    for (const auto& [key, command] : commands) {
        if (const auto found = look_for(command.front(), workload, attributes); !found) {
            complain(fmt::format("{}: {}", key, found.error().message));
            worst = std::max(worst, found.error().code);
        } else {
            fmt::print("Command: {} can be executed ({}).\n", command.front(), key);
        }
    }
    return worst;
}

int probe_http(const config::Options& options) {
    if (const auto safe = try_http_protection(options.http); !safe) {
        complain(safe.error().message);
        return kLeaseholdFailed;
    }
    if (!options.http.token_file.empty()) fmt::print("HTTP: /metrics and /status ask for the token.\n");
    if (options.http.tls.given) fmt::print("HTTP: the certificate and its key belong together.\n");
    return 0;
}

// The store is looked at whatever became of the commands, which may be there only where the program is to run, while
// the rights can be asked for from elsewhere. The worst status counts.
int probe_all(const config::Options& options) {
    const int commands = probe_commands(options);
    const int http = probe_http(options);
    int rest = probe_store(options);
    if (rest == 0 && has_workload(options)) rest = print_containment(options);
    return std::max({commands, http, rest});
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
