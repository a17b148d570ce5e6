// SPDX-License-Identifier: Apache-2.0
#include "app/reload.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/prctl.h>

#include "app/exit_status.h"
#include "app/load.h"
#include "app/prober.h"
#include "app/store_choice.h"
#include "config/changes.h"
#include "supervisor/containment.h"

namespace leasehold::app {
namespace {

constexpr const char* kNotifySocket = "NOTIFY_SOCKET";

// What stands since the start, and how to keep it.
struct Fixed {
    std::string_view keys;  // that begin so
    void (*keep)(const config::Options& from, config::Options& to);
};
using config::Options;
constexpr Fixed kFixed[] = {
    {"identity", [](const Options& from, Options& to) { to.identity = from.identity; }},
    {"election.store.kubernetes.role_label",
     [](const Options& from, Options& to) {
         to.election.store.kubernetes.role_label = from.election.store.kubernetes.role_label;
     }},
    {"election.store.kubernetes.pod",
     [](const Options& from, Options& to) { to.election.store.kubernetes.pod = from.election.store.kubernetes.pod; }},
    {"workload.containment",
     [](const Options& from, Options& to) { to.workload.containment = from.workload.containment; }},
    {"workload.output.", [](const Options& from, Options& to) { to.workload.output = from.workload.output; }},
    {"workload.ready.notify", [](const Options& from, Options& to) { to.workload.ready = from.workload.ready; }},
    {"protection.", [](const Options& from, Options& to) { to.protection = from.protection; }},
    {"http.", [](const Options& from, Options& to) { to.http = from.http; }},
    {"control.socket", [](const Options& from, Options& to) { to.control = from.control; }},
};

const Fixed* fixed(const std::string& key) {
    const auto found =
        std::find_if(std::begin(kFixed), std::end(kFixed), [&](const Fixed& it) { return key.starts_with(it.keys); });
    return found == std::end(kFixed) ? nullptr : found;
}

// Of the workload, and in force while it runs. Everything else that begins so is for its next start.
constexpr std::array<std::string_view, 6> kOfTheRunningOne{"workload.stop.",      "workload.restart.",
                                                           "workload.signals.",   "workload.health.",
                                                           "workload.candidacy.", "workload.ready."};

template <class Prefixes>
bool begins_with_one_of(const std::string& key, const Prefixes& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view prefix) { return key.starts_with(prefix); });
}

void add_part(std::string& text, std::string_view what, const std::vector<std::string>& keys) {
    if (keys.empty()) return;
    text += fmt::format("{}{}{}", text.empty() ? "" : "; ", what, fmt::join(keys, ", "));
}

// With another file system, or other members of a cluster, the same name may be another lock. Also when no key is
// different: a kubeconfig may say another cluster.
Result<void> check_lock(const supervisor::LaunchSpec& running, const config::Options& options) {
    auto prepared = prepare_store(options);
    if (!prepared) return tl::unexpected<Error>(prepared.error());
    if (supervisor::lock_mark_of(options.election.name, prepared->lock_id) == running.containment.lock_mark) return {};
    return failure("election.store: names another lock (" + prepared->place +
                   "), under which the workload could run a second time; stop all candidates, then start them with it");
}

// What stays as it is was never looked at beside what has changed.
Result<void> check_mixture(const config::Options& options) {
    const config::Loaded again = load_written(config::to_yaml(options, false));
    if (again.problems.empty()) return {};
    return failure("with what takes a new start of leasehold to change: " + again.problems.front().path + ": " +
                   again.problems.front().message);
}

Result<config::Options> read_file(const supervisor::LaunchSpec& running, const config::Options& accepted) {
    const config::LoadSettings settings{config::process_environment(), running.command_given};
    config::Loaded loaded = config::load_file(running.config_file, settings);
    std::vector<std::string> problems;
    for (const config::Problem& problem : loaded.problems) problems.push_back(problem.text(running.config_file));
    if (!problems.empty()) return failure(fmt::format("{}", fmt::join(problems, "\n")));
    if (running.command_given) loaded.options.workload.command = accepted.workload.command;
    return std::move(loaded.options);
}

// Made at the start, like the socket itself.
void keep_notify_socket(const supervisor::LaunchSpec& running, supervisor::LaunchSpec& next) {
    const auto name = running.workload.env.find(kNotifySocket);
    if (running.notices_fd >= 0 && name != running.workload.env.end())
        next.workload.env.insert_or_assign(name->first, name->second);
}

struct Reread {
    supervisor::LaunchSpec spec;
    std::string config;  // empty: nothing is different
};

Result<Reread> read_anew(const supervisor::LaunchSpec& running) {
    const auto accepted = accepted_options(running.config_fd);
    if (!accepted) return tl::unexpected<Error>(accepted.error());
    auto wanted = read_file(running, *accepted);
    if (!wanted) return tl::unexpected<Error>(wanted.error());
    auto changes = settle_changes(*accepted, std::move(*wanted));
    if (!changes) return tl::unexpected<Error>(changes.error());
    const config::Options& options = changes->options;
    if (auto same = check_lock(running, options); !same) return tl::unexpected<Error>(same.error());
    if (auto sound = check_mixture(options); !sound) return tl::unexpected<Error>(sound.error());
    Reread result{running, {}};
    supervisor::LaunchSpec& spec = result.spec;
    spec.workload = options.workload;
    if (auto possible = prepare_workload(spec.workload, spec.attributes); !possible) {
        return tl::unexpected<Error>(possible.error());
    }
    keep_notify_socket(running, spec);
    if (auto usable = try_probes(options.workload); !usable) return tl::unexpected<Error>(usable.error());
    spec.recheck = options.election.timing.lease_duration / 20;
    // Grants of before count on the shorter one.
    spec.kill_allowance = std::min(running.kill_allowance, options.election.timing.kill_allowance);
    spec.longest_lease = std::max(running.longest_lease, options.election.timing.lease_duration);
    spec.logging = options.logging;
    spec.reload_text = changes->text;
    const bool looked_up_anew = spec.workload.env != running.workload.env || spec.attributes != running.attributes;
    if (spec.reload_text.empty() && looked_up_anew) {
        spec.reload_text =
            "from the next start of the workload on: the user, the groups, or the file of the environment";
    }
    if (!spec.reload_text.empty()) result.config = config::to_yaml(options, false);
    return result;
}

Result<void> tell_guardian(int guardian, const Result<Reread>& reread, const std::string& file) {
    if (!reread) return supervisor::send_reload_outcome(guardian, true, reread.error().message);
    if (reread->config.empty()) {
        return supervisor::send_reload_outcome(guardian, false, "nothing is different in " + file);
    }
    return supervisor::send_new_configuration(guardian, reread->spec, reread->config);
}

}  // namespace

Result<Changes> settle_changes(const config::Options& accepted, config::Options wanted) {
    if (wanted.election.name != accepted.election.name) {
        return failure(fmt::format("election.name: is {} instead of {}, and so it is for another election",
                                   wanted.election.name, accepted.election.name));
    }
    if (wanted.election.store.kind != accepted.election.store.kind) {
        return failure("election.store: is another kind of store, and so it is for another lock");
    }
    if (wanted.identity.empty()) wanted.identity = accepted.identity;  // it was made at the start
    std::vector<std::string> live;
    std::vector<std::string> later;
    std::vector<std::string> stands;
    std::vector<std::string> changed = config::changed_keys(accepted, wanted);
    // The other keys of `ready` make no sense with another way to find out.
    const bool asks_otherwise = std::find(changed.begin(), changed.end(), "workload.ready.notify") != changed.end();
    for (std::string& key : changed) {
        const Fixed* const kept = fixed(key);
        if (kept != nullptr) kept->keep(accepted, wanted);
        const bool stays = kept != nullptr || (asks_otherwise && key.starts_with("workload.ready."));
        const bool at_once = !key.starts_with("workload.") || begins_with_one_of(key, kOfTheRunningOne);
        (stays ? stands : at_once ? live : later).push_back(std::move(key));
    }
    Changes changes{std::move(wanted), {}};
    add_part(changes.text, "in force: ", live);
    add_part(changes.text, "from the next start of the workload on: ", later);
    add_part(changes.text, "as before, because it takes a new start of leasehold: ", stands);
    return changes;
}

int reloader_main(const std::vector<std::string>& arguments) {
    prctl(PR_SET_NAME, "lease-reloader");
    auto launch = supervisor::parse_agent_arguments(arguments);
    if (!launch) {
        log::error("{}", launch.error().message);
        return kLeaseholdFailed;
    }
    log::init(launch->spec.logging, "reloader");
    const auto reread = read_anew(launch->spec);
    if (auto told = tell_guardian(launch->guardian_fd, reread, launch->spec.config_file); !told) {
        log::error("{}", told.error().message);
        return kLeaseholdFailed;
    }
    return 0;
}

}  // namespace leasehold::app
