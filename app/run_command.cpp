// SPDX-License-Identifier: Apache-2.0
//
// `leasehold run`: everything that can go wrong goes wrong here, before anything is started.
#include <array>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/core.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/commands.h"
#include "app/control_socket.h"
#include "app/exit_status.h"
#include "app/http_protection.h"
#include "app/identity.h"
#include "app/load.h"
#include "app/notices.h"
#include "app/notify_socket.h"
#include "app/prober.h"
#include "app/store_choice.h"
#include "base/duration_text.h"
#include "base/sealed_memory.h"
#include "config/config.h"
#include "config/text.h"
#include "metrics/http_server.h"
#include "supervisor/launch.h"

namespace leasehold::app {
namespace {

tl::unexpected<int> fail(int status, const std::string& message) {
    complain(message);
    return tl::unexpected(status);
}

// Fills in who we are; the incarnation is unique to this start.
Result<supervisor::LaunchSpec> describe_launch(config::Options& options) {
    auto identity = identity_or_made(options.identity);
    if (!identity) return tl::unexpected<Error>(identity.error());
    options.identity = *identity;
    auto incarnation = random_hex(8);
    if (!incarnation) return tl::unexpected<Error>(incarnation.error());
    supervisor::LaunchSpec spec;
    spec.identity = options.identity;
    spec.election = options.election.name;
    spec.incarnation = *incarnation;
    spec.protection = options.protection;
    spec.inheritance = supervisor::read_inheritance();
    spec.recheck = options.election.timing.lease_duration / 20;
    spec.kill_allowance = options.election.timing.kill_allowance;
    spec.longest_lease = options.election.timing.lease_duration;
    spec.logging = options.logging;
    return spec;
}

// Where the workload says that it is ready; how to get there stands in its environment.
Result<UniqueFd> let_it_speak(supervisor::WorkloadOptions& workload) {
    if (!workload.ready.notify) return UniqueFd();
    auto socket = open_notice_socket();
    if (!socket) return tl::unexpected<Error>(socket.error());
    workload.env["NOTIFY_SOCKET"] = socket->name;
    return std::move(socket->fd);
}

// What a crashed holder has left is free only when it was watched for a whole lease.
void warn_of_short_wait(const std::string& text, Duration wait, Duration lease) {
    if (wait > lease) return;
    complain(
        fmt::format("--wait-timeout {} is not longer than election.lease_duration ({}): after a crash of the "
                    "holder nobody gets the lock",
                    text, to_text(lease)));
}

// The workload's processes are found in /proc, so it has to be that of our own PID namespace.
bool proc_is_ours() {
    std::array<char, 32> target{};
    const ssize_t size = readlink("/proc/self", target.data(), target.size());
    return size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == std::to_string(getpid());
}

// The options as the command line changes them, and how long to wait for leadership (zero: for ever).
tl::expected<config::Options, int> read_options(const RunArguments& arguments, const std::string& wait_timeout,
                                                Duration& give_up_after) {
    config::LoadSettings settings{config::process_environment(), !arguments.command.empty()};
    auto loaded = load_or_complain(arguments.config, settings);
    if (!loaded) return tl::unexpected(kUsage);
    config::Options options = std::move(*loaded);
    if (!arguments.command.empty()) options.workload.command = arguments.command;
    if (!wait_timeout.empty()) {
        const auto parsed = parse_wait_timeout(wait_timeout);
        if (!parsed) return fail(kUsage, parsed.error().message);
        give_up_after = *parsed;
        warn_of_short_wait(wait_timeout, give_up_after, options.election.timing.lease_duration);
    }
    return options;
}

// Checks and opens everything, and leaves the options for the agent. The descriptors are left open.
tl::expected<supervisor::LaunchSpec, int> prepare(const RunArguments& arguments, const std::string& wait_timeout,
                                                  config::Options& accepted, const supervisor::CgroupTrial& cgroups) {
    Duration give_up_after{};
    auto options = read_options(arguments, wait_timeout, give_up_after);
    if (!options) return tl::unexpected(options.error());
    supervisor::WorkloadOptions workload = options->workload;
    supervisor::ProcessAttributes attributes;
    if (auto prepared = prepare_workload(workload, attributes); !prepared) {
        return fail(prepared.error().code, prepared.error().message);
    }

    if (!proc_is_ours()) {
        return fail(kLeaseholdFailed,
                    "/proc is not mounted, or belongs to another PID namespace; mount it (unshare --mount-proc does)");
    }
    auto prepared = prepare_store(*options);
    if (!prepared) return fail(kLeaseholdFailed, prepared.error().message);
    auto listeners = metrics::open_listeners(options->http.listen);
    if (!listeners) return fail(kLeaseholdFailed, listeners.error().message);
    if (auto safe = try_http_protection(options->http); !safe) return fail(kLeaseholdFailed, safe.error().message);
    if (auto usable = try_probes(options->workload); !usable) return fail(kLeaseholdFailed, usable.error().message);
    auto spec = describe_launch(*options);
    if (!spec) return fail(kLeaseholdFailed, spec.error().message);
    auto notices = let_it_speak(workload);
    if (!notices) return fail(kLeaseholdFailed, notices.error().message);
    const std::string accepted_text = config::to_yaml(*options, false);
    // The agents after the first one read it back. Of the file it is known that this can be done, of the words of the
    // command line not.
    if (config::check_text(accepted_text)) {
        return fail(kUsage,
                    "the words after '--' are not UTF-8 text, or make more than 1 MiB together with the configuration; "
                    "put them into a script, and name that");
    }
    auto config_fd = seal_in_memory("leasehold-config", accepted_text);
    if (!config_fd) return fail(kLeaseholdFailed, config_fd.error().message);

    auto plan =
        supervisor::plan_containment(options->workload.containment, options->election.name, prepared->lock_id, cgroups);
    if (!plan) return fail(kLeaseholdFailed, plan.error().message);
    std::error_code unknown_folder;  // then a reload says that the file is not found
    UniqueFd control;
    if (!options->control.socket.empty()) {
        auto opened = open_control_socket(options->control.socket);
        if (!opened) return fail(kLeaseholdFailed, opened.error().message);
        control = std::move(*opened);
    }

    spec->config_file = std::filesystem::absolute(arguments.config, unknown_folder).string();
    spec->command_given = !arguments.command.empty();
    spec->containment = std::move(*plan);
    spec->workload = std::move(workload);
    spec->attributes = std::move(attributes);
    spec->wait_timeout = give_up_after;
    spec->config_fd = config_fd->release();
    spec->notices_fd = notices->release();
    for (UniqueFd& listener : *listeners) spec->listener_fds.push_back(listener.release());
    spec->control_fd = control.release();
    for (UniqueFd& held : prepared->held) spec->held_fds.push_back(held.release());
    accepted = std::move(*options);
    return std::move(*spec);
}

}  // namespace

int run_command(const RunArguments& arguments, const std::string& wait_timeout) {
    NotifySocket notify = take_notify_socket();  // while we are who the service manager started
    const int notify_fd = notify.fd.release();   // the guardian's from now on
    config::Options accepted;
    const auto prepared = [&](const supervisor::CgroupTrial& cgroups) {
        auto spec = prepare(arguments, wait_timeout, accepted, cgroups);
        if (spec) {
            spec->notify_fd = notify_fd;
            spec->watchdog = notify.watchdog.value_or(Duration(0));
        }
        return spec;
    };
    return supervisor::become_guardian(prepared, [&accepted](supervisor::AgentLaunch launch) {
        return first_agent_main(std::move(launch), std::move(accepted));
    });
}

}  // namespace leasehold::app
