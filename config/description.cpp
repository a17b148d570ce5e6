// SPDX-License-Identifier: Apache-2.0
#include "config/description.h"

#include <algorithm>
#include <iterator>

#include "config/control_keys.h"
#include "config/hook_keys.h"
#include "config/http_keys.h"
#include "config/key_makers.h"
#include "config/output_keys.h"
#include "config/probe_keys.h"
#include "config/process_keys.h"
#include "config/restart_keys.h"
#include "config/store_keys.h"

namespace leasehold::config {
namespace {

Key identity() {
    return scalar_key(
        "identity", "Who this candidate is, unlike all others; made from the host's name if not given.",
        identity_form(), [](auto& o) -> auto& { return o.identity; });
}

std::vector<Key> election() {
    Key name = scalar_key(
        "election.name", "The lock's name, the same for all candidates; the one key without a default.",
        election_name_form(), [](auto& o) -> auto& { return o.election.name; });
    name.need = Need::required;
    name.example = "my-service";
    return key_list(
        name,
        scalar_key(
            "election.lease_duration", "How long a lease lasts; a successor of a crashed leader waits that long.",
            positive_duration_form(), [](auto& o) -> auto& { return o.election.timing.lease_duration; }),
        scalar_key(
            "election.renew_deadline", "How long the leader tries to renew before it begins to stop the workload.",
            positive_duration_form(), [](auto& o) -> auto& { return o.election.timing.renew_deadline; }),
        scalar_key(
            "election.retry_period", "The time between two renewals.", positive_duration_form(),
            [](auto& o) -> auto& { return o.election.timing.retry_period; }),
        scalar_key(
            "election.clock_drift", "The share of a lease by which the clocks of two candidates may drift apart.",
            percentage_form(10), [](auto& o) -> auto& { return o.election.timing.clock_drift; }),
        scalar_key(
            "election.kill_allowance", "The time kept back at the end of a lease for a kill to be proven.",
            duration_form(), [](auto& o) -> auto& { return o.election.timing.kill_allowance; }));
}

Key command() {
    Key key = command_key(
        "workload.command",
        "The program to run, and its arguments, without a shell; required unless given on the command line.",
        [](auto& o) -> auto& { return o.workload.command; });
    key.need = Need::unless_on_command_line;
    key.example = "[/usr/sbin/program, --flag]";
    key.schema = changed(key.schema, [](Json& schema) { schema["minItems"] = 1; });
    return key;
}

Key signal_rewriting() {
    const auto field = [](auto& o) -> auto& { return o.workload.signals.rewrite; };
    const Form<int> received = received_signal_form();
    const Form<int> handed_on = handed_on_signal_form();
    Key key;
    key.path = "workload.signals.rewrite";
    key.help = "Signals that leasehold hands on as another one, or not at all (none).";
    key.shape = Shape::mapping;
    key.kind = kind_in(key.shape, handed_on.kind);
    key.plain = handed_on.plain;
    key.example = "{HUP: USR1, USR2: none}";
    key.schema = mapping_schema(received.schema, handed_on.schema);
    key.clear = [field](Options& options) { field(options).clear(); };
    key.check_name = [received](const std::string& name) { return received.read(name).map([](int) {}); };
    key.add = [field, received, handed_on](Options& options, const Entry& entry) -> Result<void> {
        const auto signal = received.read(entry.name);
        const auto instead = handed_on.read(entry.text);
        if (!signal) return tl::unexpected(signal.error());
        if (!instead) return tl::unexpected(instead.error());
        if (!field(options).emplace(*signal, *instead).second) {
            return failure("is for a signal that is given twice, under two names; remove one");
        }
        return {};
    };
    key.entries = [field, received, handed_on](const Options& options) {
        std::vector<Entry> entries;
        for (const auto& [signal, instead] : field(options)) {
            entries.push_back({received.write(signal), handed_on.write(instead)});
        }
        return entries;
    };
    return key;
}

std::vector<Key> signals() {
    using supervisor::SignalTarget;
    const auto targets =
        choice_form<SignalTarget>({{"group", SignalTarget::group}, {"process", SignalTarget::process}});
    return key_list(
        scalar_key(
            "workload.signals.to", "Who gets signals: the workload's process group, or only the process itself.",
            targets, [](auto& o) -> auto& { return o.workload.signals.to; }),
        signal_rewriting());
}

Key containment() {
    using supervisor::ContainmentChoice;
    const auto ways = choice_form<ContainmentChoice>({{"auto", ContainmentChoice::automatic},
                                                      {"cgroup", ContainmentChoice::cgroup},
                                                      {"subreaper", ContainmentChoice::subreaper},
                                                      {"namespace", ContainmentChoice::pid_namespace}});
    return scalar_key(
        "workload.containment",
        "How the workload's tree is held together; auto takes a cgroup of its own where one can be made.", ways,
        [](auto& o) -> auto& { return o.workload.containment; });
}

Key no_new_privs() {
    using supervisor::NoNewPrivileges;
    auto form = choice_form<NoNewPrivileges>(
        {{"auto", NoNewPrivileges::automatic}, {"true", NoNewPrivileges::yes}, {"false", NoNewPrivileges::no}});
    form.schema = or_boolean(form.schema);
    return scalar_key(
        "workload.no_new_privs",
        "Whether set-user-ID programs gain nothing in the workload; auto: unless leasehold runs as root.", form,
        [](auto& o) -> auto& { return o.workload.no_new_privs; });
}

std::vector<Key> workload() {
    Key env = mapping_key(
        "workload.env", "Variables added to the workload's environment.", variable_name_form(), variable_value_form(),
        [](auto& o) -> auto& { return o.workload.env; });
    env.example = "{NAME: value}";
    return key_list(
        command(),
        command_key(
            "workload.standby_command",
            "A program that runs while this candidate does not lead, and is stopped before the workload starts.",
            [](auto& o) -> auto& { return o.workload.standby_command; }),
        env,
        scalar_key(
            "workload.stop.signal", "The signal that asks the workload to end.", stop_signal_form(),
            [](auto& o) -> auto& { return o.workload.stop.signal; }),
        scalar_key(
            "workload.stop.grace_period", "How long the workload may take to end before it is killed.",
            positive_duration_form(), [](auto& o) -> auto& { return o.workload.stop.grace_period; }),
        command_key(
            "workload.stop.command",
            "Asks the workload to end instead of the signal; LEASEHOLD_WORKLOAD_PID is its process.",
            [](auto& o) -> auto& { return o.workload.stop.command; }));
}

std::vector<Key> protection() {
    using supervisor::MemoryLocking;
    using supervisor::SchedulingChoice;
    const auto scheduling =
        choice_form<SchedulingChoice>({{"auto", SchedulingChoice::automatic}, {"normal", SchedulingChoice::normal}});
    const auto locking = choice_form<MemoryLocking>({{"auto", MemoryLocking::automatic}, {"off", MemoryLocking::off}});
    return key_list(
        scalar_key(
            "protection.scheduling", "How leasehold's own processes are scheduled; auto: ahead of others if permitted.",
            scheduling, [](auto& o) -> auto& { return o.protection.scheduling; }),
        scalar_key(
            "protection.oom_score_adj", "The score of leasehold's own processes, unless it is lower already.",
            integer_form(-1000, 1000), [](auto& o) -> auto& { return o.protection.oom_score_adj; }),
        scalar_key(
            "protection.lock_memory", "Whether guardian and supervisor stay in memory; auto: if permitted.", locking,
            [](auto& o) -> auto& { return o.protection.lock_memory; }));
}

std::vector<Key> logging() {
    using log::Format;
    using log::Level;
    const auto levels = choice_form<Level>(
        {{"debug", Level::debug}, {"info", Level::info}, {"warn", Level::warn}, {"error", Level::error}});
    const auto formats = choice_form<Format>({{"text", Format::text}, {"json", Format::json}});
    return key_list(scalar_key(
                        "logging.level", "The least important lines that are written.", levels,
                        [](auto& o) -> auto& { return o.logging.level; }),
                    scalar_key(
                        "logging.format", "Lines for people, or JSON objects for machines.", formats,
                        [](auto& o) -> auto& { return o.logging.format; }));
}

Description make_description() {
    Description all;
    all.sections = {
        {.path = "election", .help = "Who may lead.", .example = "{name: my-service}"},
        {.path = "election.store",
         .help = "Where the lease is kept: exactly one store.",
         .exactly_one = true,
         .example = "{file: {}}"},
        {.path = "workload",
         .help = "What runs while this candidate leads.",
         .example = "{command: [/path/to/program]}"},
        {.path = "workload.stop", .help = "How the workload is asked to end.", .example = "{signal: TERM}"},
        {.path = "workload.hooks",
         .help = "Commands that are executed at the turns of a term.",
         .example = "{before_start: [/usr/local/bin/mount-volume]}"},
        {.path = "workload.restart",
         .help = "What follows when the workload ends by itself.",
         .example = "{policy: on-failure}"},
        {.path = "workload.output",
         .help = "What becomes of what the workload writes to its standard output and error.",
         .example = "{format: json}"},
        {.path = "workload.signals",
         .help = "What becomes of signals that leasehold is sent.",
         .example = "{to: process}"},
        {.path = "protection",
         .help = "What keeps leasehold's own processes going under load.",
         .example = "{oom_score_adj: -900}"},
        {.path = "control",
         .help = "Where the commands status, resign, pause, resume and restart find it.",
         .example = "{socket: /run/leasehold/control.sock}"},
        {.path = "logging", .help = "The log of leasehold itself, on standard error.", .example = "{level: info}"},
    };
    for (Section& http : http_sections()) all.sections.push_back(std::move(http));
    for (Section& probe : probe_sections()) all.sections.push_back(std::move(probe));
    for (Section& store : store_sections()) all.sections.push_back(std::move(store));
    const auto add = [&all](std::vector<Key> keys) {
        std::move(keys.begin(), keys.end(), std::back_inserter(all.keys));
    };
    add({identity()});
    add(election());
    add(store_keys());
    add(workload());
    add(process_keys());
    add(restart_keys());
    add(probe_keys());
    add(hook_keys());
    add(output_keys());
    add(signals());
    add({containment(), no_new_privs()});
    add(protection());
    add(http_keys());
    add(control_keys());
    add(logging());
    return all;
}

}  // namespace

const Description& description() {
    static const Description instance = make_description();
    return instance;
}

const Section* Description::section(std::string_view path) const {
    const auto found = std::find_if(sections.begin(), sections.end(), [&](const Section& s) { return s.path == path; });
    return found == sections.end() ? nullptr : &*found;
}

const Key* Description::key(std::string_view path) const {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.path == path; });
    return found == keys.end() ? nullptr : &*found;
}

bool Description::in_use(std::string_view path, const Options& options) const {
    for (std::string at(path); !at.empty(); at = parent_of(at)) {
        const Section* found = section(at);
        if (found != nullptr && found->in_use && !found->in_use(options)) return false;
    }
    return true;
}

std::vector<std::string> Description::children(std::string_view section) const {
    // A section's place among its siblings is that of its first key, so the order is that of the keys.
    std::vector<std::string> names;
    const std::string prefix = section.empty() ? "" : std::string(section) + '.';
    for (const Key& key : keys) {
        if (!key.path.starts_with(prefix)) continue;
        const std::string name = key.path.substr(prefix.size(), key.path.find('.', prefix.size()) - prefix.size());
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return names;
}

std::string below(std::string_view section, std::string_view name) {
    return section.empty() ? std::string(name) : std::string(section) + '.' + std::string(name);
}

std::string parent_of(std::string_view path) {
    const std::size_t dot = path.rfind('.');
    return std::string(dot == std::string_view::npos ? "" : path.substr(0, dot));
}

}  // namespace leasehold::config
