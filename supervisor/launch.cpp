// SPDX-License-Identifier: Apache-2.0
#include "supervisor/launch.h"

#include <optional>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sealed_memory.h"
#include "base/whole_number.h"
#include "base/wire.h"
#include "supervisor/launch_internal.h"
#include "supervisor/messages.h"
#include "supervisor/signals.h"

namespace leasehold::supervisor {
namespace {

constexpr std::uint64_t kFormat = 0x6c65617365686c0a;  // the last byte is the version

void write_texts(WireWriter& out, const std::vector<std::string>& texts) {
    out.number(texts.size());
    for (const std::string& text : texts) out.text(text);
}

void write_fds(WireWriter& out, const std::vector<int>& fds) {
    out.number(fds.size());
    for (const int fd : fds) out.signed_number(fd);
}

std::vector<std::string> read_texts(WireReader& in) {
    std::vector<std::string> texts(in.count());
    for (std::string& text : texts) text = in.text();
    return texts;
}

std::vector<int> read_fds(WireReader& in) {
    std::vector<int> fds(in.count());
    for (int& fd : fds) fd = static_cast<int>(in.signed_number());
    return fds;
}

void encode(WireWriter& out, const ProtectionOptions& options) {
    out.number(static_cast<std::uint64_t>(options.scheduling));
    out.signed_number(options.oom_score_adj);
    out.number(static_cast<std::uint64_t>(options.lock_memory));
}

// False when it says something that does not exist.
bool decode(WireReader& in, ProtectionOptions& options) {
    const std::uint64_t scheduling = in.number();
    options.oom_score_adj = static_cast<int>(in.signed_number());
    const std::uint64_t lock_memory = in.number();
    options.scheduling = static_cast<SchedulingChoice>(scheduling);
    options.lock_memory = static_cast<MemoryLocking>(lock_memory);
    return scheduling <= static_cast<std::uint64_t>(SchedulingChoice::normal) &&
           lock_memory <= static_cast<std::uint64_t>(MemoryLocking::off);
}

std::optional<int> descriptor(const std::string& text) {
    const auto fd = whole_number<int>(text);
    return fd && *fd >= 0 ? fd : std::nullopt;
}

void encode(WireWriter& out, const RestartOptions& restart) {
    out.number(static_cast<std::uint64_t>(restart.policy));
    out.number(restart.success_exit_codes.size());
    for (const int code : restart.success_exit_codes) out.signed_number(code);
    for (const Duration length : {restart.initial_backoff, restart.max_backoff, restart.reset_after, restart.within}) {
        out.signed_number(length.count());
    }
    out.signed_number(restart.give_up_after);
    out.signed_number(restart.then ? static_cast<std::int64_t>(*restart.then) : -1);
}

// False for values that nobody writes. The cooldown is the agent's affair.
bool decode(WireReader& in, RestartOptions& restart) {
    const std::uint64_t policy = in.number();
    restart.policy = static_cast<RestartWhen>(policy);
    restart.success_exit_codes.clear();
    for (std::uint64_t left = in.count(); left > 0 && !in.failed(); --left) {
        restart.success_exit_codes.push_back(static_cast<int>(in.signed_number()));
    }
    for (Duration* length : {&restart.initial_backoff, &restart.max_backoff, &restart.reset_after, &restart.within}) {
        *length = Duration(in.signed_number());
    }
    restart.give_up_after = static_cast<int>(in.signed_number());
    const std::int64_t then = in.signed_number();
    if (then >= 0) restart.then = static_cast<AfterTheLast>(then);
    return policy <= static_cast<std::uint64_t>(RestartWhen::always) &&
           then <= static_cast<std::int64_t>(AfterTheLast::hold);
}

// The address that the agent asks, and what it asks there, are its own affair. So is the time limit of a start.
void encode(WireWriter& out, const ProbeOptions& probe) {
    out.number(probe.given ? 1 : 0);
    write_texts(out, probe.exec);
    for (const Duration length : {probe.interval, probe.timeout, probe.initial_delay}) {
        out.signed_number(length.count());
    }
    out.signed_number(probe.failure_threshold);
    out.signed_number(probe.success_threshold);
    out.number(static_cast<std::uint64_t>(probe.then));
}

bool decode(WireReader& in, ProbeOptions& probe) {
    probe.given = in.number() != 0;
    probe.exec = read_texts(in);
    for (Duration* length : {&probe.interval, &probe.timeout, &probe.initial_delay}) {
        *length = Duration(in.signed_number());
    }
    probe.failure_threshold = static_cast<int>(in.signed_number());
    probe.success_threshold = static_cast<int>(in.signed_number());
    const std::uint64_t then = in.number();
    probe.then = static_cast<AfterUnhealthy>(then);
    return then <= static_cast<std::uint64_t>(AfterUnhealthy::resign);
}

void encode(WireWriter& out, const HookOptions& hooks) {
    for (const auto* command :
         {&hooks.before_start, &hooks.after_start, &hooks.before_stop, &hooks.after_stop, &hooks.on_new_leader}) {
        write_texts(out, *command);
    }
    out.signed_number(hooks.timeout.count());
}

void decode(WireReader& in, HookOptions& hooks) {
    for (auto* command :
         {&hooks.before_start, &hooks.after_start, &hooks.before_stop, &hooks.after_stop, &hooks.on_new_leader}) {
        *command = read_texts(in);
    }
    hooks.timeout = Duration(in.signed_number());
}

void encode(WireWriter& out, const OutputOptions& output) {
    out.number(static_cast<std::uint64_t>(output.format));
    out.text(output.prefix);
    out.number(static_cast<std::uint64_t>(output.overflow));
    out.signed_number(output.buffer);
    out.signed_number(output.keep_last);
}

bool decode(WireReader& in, OutputOptions& output) {
    const std::uint64_t format = in.number();
    output.format = static_cast<OutputFormat>(format);
    output.prefix = in.text();
    const std::uint64_t overflow = in.number();
    output.overflow = static_cast<OutputOverflow>(overflow);
    output.buffer = static_cast<int>(in.signed_number());
    output.keep_last = static_cast<int>(in.signed_number());
    return format <= static_cast<std::uint64_t>(OutputFormat::json) &&
           overflow <= static_cast<std::uint64_t>(OutputOverflow::drop);
}

void write_optional(WireWriter& out, std::optional<int> number) {
    out.number(number ? 1 : 0);
    out.signed_number(number.value_or(0));
}

std::optional<int> read_optional(WireReader& in) {
    const bool given = in.number() != 0;
    const auto number = static_cast<int>(in.signed_number());
    return given ? std::optional<int>(number) : std::nullopt;
}

void encode(WireWriter& out, const ProcessAttributes& attributes) {
    out.number(attributes.credentials ? 1 : 0);
    const Credentials credentials = attributes.credentials.value_or(Credentials{});
    out.number(credentials.user);
    out.number(credentials.group);
    out.number(credentials.groups.size());
    for (const gid_t group : credentials.groups) out.number(group);
    out.number(attributes.limits.size());
    for (const ResourceLimit& limit : attributes.limits) {
        out.signed_number(limit.resource);
        out.number(limit.soft);
        out.number(limit.hard);
    }
    out.text(attributes.working_directory);
    const std::optional<int> mask =
        attributes.umask ? std::optional<int>(static_cast<int>(*attributes.umask)) : std::nullopt;
    for (const std::optional<int>& number : {mask, attributes.nice, attributes.oom_score_adj}) {
        write_optional(out, number);
    }
}

void decode(WireReader& in, ProcessAttributes& attributes) {
    const bool has_credentials = in.number() != 0;
    Credentials credentials;
    credentials.user = static_cast<uid_t>(in.number());
    credentials.group = static_cast<gid_t>(in.number());
    for (std::uint64_t left = in.count(); left > 0 && !in.failed(); --left) {
        credentials.groups.push_back(static_cast<gid_t>(in.number()));
    }
    if (has_credentials) attributes.credentials = std::move(credentials);
    for (std::uint64_t left = in.count(); left > 0 && !in.failed(); --left) {
        const auto resource = static_cast<int>(in.signed_number());
        const std::uint64_t soft = in.number();
        attributes.limits.push_back({resource, soft, in.number()});
    }
    attributes.working_directory = in.text();
    if (const auto mask = read_optional(in)) attributes.umask = static_cast<mode_t>(*mask);
    attributes.nice = read_optional(in);
    attributes.oom_score_adj = read_optional(in);
}

void set_close_on_exec(int fd) {
    if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);  // fails only for a descriptor that is not open
}

}  // namespace

std::string encode(const LaunchSpec& spec) {
    WireWriter out;
    out.number(kFormat);
    out.text(spec.identity);
    out.text(spec.election);
    out.text(spec.incarnation);
    write_texts(out, spec.workload.command);
    write_texts(out, spec.workload.standby_command);
    out.number(spec.workload.env.size());
    for (const auto& [name, value] : spec.workload.env) {
        out.text(name);
        out.text(value);
    }
    out.signed_number(spec.workload.stop.signal);
    out.signed_number(spec.workload.stop.grace_period.count());
    write_texts(out, spec.workload.stop.command);
    out.number(static_cast<std::uint64_t>(spec.workload.signals.to));
    out.number(spec.workload.signals.rewrite.size());
    for (const auto& [received, handed_on] : spec.workload.signals.rewrite) {
        out.signed_number(received);
        out.signed_number(handed_on);
    }
    out.number(static_cast<std::uint64_t>(spec.containment.method));
    out.text(spec.containment.lock_mark);
    out.text(spec.containment.cgroup);
    out.text(spec.containment.why_not_more);
    out.number(static_cast<std::uint64_t>(spec.workload.no_new_privs));
    encode(out, spec.workload.restart);
    encode(out, spec.workload.hooks);
    encode(out, spec.workload.ready.probe);
    encode(out, spec.workload.health);
    encode(out, spec.workload.candidacy);
    encode(out, spec.workload.output);
    out.number(spec.workload.process.clear_env ? 1 : 0);
    encode(out, spec.attributes);
    encode(out, spec.protection);
    write_optional(out, spec.inheritance.oom_score_adj);
    out.number(spec.inheritance.timer_slack);
    out.signed_number(spec.recheck.count());
    out.signed_number(spec.kill_allowance.count());
    out.signed_number(spec.wait_timeout.count());
    out.number(static_cast<std::uint64_t>(spec.logging.level));
    out.number(static_cast<std::uint64_t>(spec.logging.format));
    out.text(spec.config_file);
    out.number(spec.command_given ? 1 : 0);
    out.signed_number(spec.longest_lease.count());
    out.number(spec.reload);
    out.text(spec.reload_text);
    out.signed_number(spec.config_fd);
    out.signed_number(spec.notices_fd);
    out.signed_number(spec.notify_fd);
    out.signed_number(spec.watchdog.count());
    write_fds(out, spec.listener_fds);
    out.signed_number(spec.control_fd);
    write_fds(out, spec.held_fds);
    return out.bytes();
}

Result<LaunchSpec> decode_launch_spec(std::string_view bytes) {
    WireReader in(bytes);
    if (in.number() != kFormat) return failure("the launch description is of another version of leasehold");
    LaunchSpec spec;
    spec.identity = in.text();
    spec.election = in.text();
    spec.incarnation = in.text();
    spec.workload.command = read_texts(in);
    spec.workload.standby_command = read_texts(in);
    for (std::uint64_t left = in.count(); left > 0 && !in.failed(); --left) {
        const std::string name = in.text();
        spec.workload.env[name] = in.text();
    }
    spec.workload.stop.signal = static_cast<int>(in.signed_number());
    spec.workload.stop.grace_period = Duration(in.signed_number());
    spec.workload.stop.command = read_texts(in);
    const std::uint64_t target = in.number();
    for (std::uint64_t left = in.count(); left > 0 && !in.failed(); --left) {
        const int received = static_cast<int>(in.signed_number());
        spec.workload.signals.rewrite[received] = static_cast<int>(in.signed_number());
    }
    const std::uint64_t method = in.number();
    spec.containment.lock_mark = in.text();
    spec.containment.cgroup = in.text();
    spec.containment.why_not_more = in.text();
    const std::uint64_t no_new_privs = in.number();
    const bool restart_known = decode(in, spec.workload.restart);
    decode(in, spec.workload.hooks);
    const bool probes_known = decode(in, spec.workload.ready.probe) && decode(in, spec.workload.health) &&
                              decode(in, spec.workload.candidacy);
    const bool output_known = decode(in, spec.workload.output);
    spec.workload.process.clear_env = in.number() != 0;
    decode(in, spec.attributes);
    const bool protection_known = decode(in, spec.protection);
    spec.inheritance.oom_score_adj = read_optional(in);
    spec.inheritance.timer_slack = in.number();
    spec.recheck = Duration(in.signed_number());
    spec.kill_allowance = Duration(in.signed_number());
    spec.wait_timeout = Duration(in.signed_number());
    const std::uint64_t level = in.number();
    const std::uint64_t format = in.number();
    spec.config_file = in.text();
    spec.command_given = in.number() != 0;
    spec.longest_lease = Duration(in.signed_number());
    spec.reload = in.number();
    spec.reload_text = in.text();
    spec.config_fd = static_cast<int>(in.signed_number());
    spec.notices_fd = static_cast<int>(in.signed_number());
    spec.notify_fd = static_cast<int>(in.signed_number());
    spec.watchdog = Duration(in.signed_number());
    spec.listener_fds = read_fds(in);
    spec.control_fd = static_cast<int>(in.signed_number());
    spec.held_fds = read_fds(in);
    if (in.failed() || !in.at_end() || level > static_cast<std::uint64_t>(log::Level::error) ||
        format > static_cast<std::uint64_t>(log::Format::json) ||
        method > static_cast<std::uint64_t>(ContainmentMethod::pid_namespace) || !protection_known || !restart_known ||
        !probes_known || !output_known || no_new_privs > static_cast<std::uint64_t>(NoNewPrivileges::no) ||
        target > static_cast<std::uint64_t>(SignalTarget::process)) {
        return failure("the launch description is damaged");
    }
    spec.workload.signals.to = static_cast<SignalTarget>(target);
    spec.containment.method = static_cast<ContainmentMethod>(method);
    spec.workload.no_new_privs = static_cast<NoNewPrivileges>(no_new_privs);
    spec.logging.level = static_cast<log::Level>(level);
    spec.logging.format = static_cast<log::Format>(format);
    return spec;
}

Result<UniqueFd> seal_launch_spec(const LaunchSpec& spec) { return seal_in_memory("leasehold-launch", encode(spec)); }

Result<LaunchSpec> read_launch_spec(int fd) {
    auto bytes = read_sealed(fd);
    if (!bytes) return failure("the launch description: " + bytes.error().message, bytes.error().code);
    return decode_launch_spec(*bytes);
}

int* place_of(const std::string& name, RoleArguments& arguments) {
    if (name == "--spec-fd") return &arguments.spec_fd;
    if (name == "--page-fd") return &arguments.page_fd;
    if (name == "--guardian-fd") return &arguments.guardian_fd;
    if (name == "--output-page-fd") return &arguments.output_page_fd;
    if (name == "--output-fd") return &arguments.output_fd;
    if (name == "--errors-fd") return &arguments.errors_fd;
    if (name == "--ended-fd") return &arguments.ended_fd;
    return nullptr;
}

std::vector<std::string> Inherited::arguments() const {
    std::vector<std::string> all = words;
    for (const auto& [name, fd] : named) all.push_back(name + '=' + std::to_string(fd));
    return all;
}

Result<RoleArguments> parse_role_arguments(const std::vector<std::string>& arguments) {
    RoleArguments parsed;
    for (const std::string& argument : arguments) {
        const std::size_t equals = argument.find('=');
        const std::string name = argument.substr(0, equals);
        const auto number = equals == std::string::npos ? std::nullopt : descriptor(argument.substr(equals + 1));
        if (!number) return failure("this is not for people: unexpected argument \"" + argument + "\"");
        if (name == "--agent-number") {
            parsed.agent_number = static_cast<std::uint64_t>(*number);
        } else if (int* const place = place_of(name, parsed)) {
            *place = *number;
        } else {
            return failure("this is not for people: unexpected argument \"" + argument + "\"");
        }
    }
    auto spec = read_launch_spec(parsed.spec_fd);
    if (!spec) return tl::unexpected<Error>(spec.error());
    parsed.spec = std::move(*spec);
    for (const int fd : {parsed.spec_fd, parsed.page_fd, parsed.guardian_fd, parsed.output_page_fd, parsed.output_fd,
                         parsed.errors_fd, parsed.ended_fd}) {
        set_close_on_exec(fd);
    }
    set_close_on_exec(parsed.spec.notify_fd);
    for_each_descriptor(parsed.spec, set_close_on_exec);
    return parsed;
}

Result<AgentLaunch> parse_agent_arguments(const std::vector<std::string>& arguments) {
    auto parsed = parse_role_arguments(arguments);
    if (!parsed) return tl::unexpected<Error>(parsed.error());
    if (parsed->page_fd < 0 || parsed->guardian_fd < 0) return failure("the agent was started without its descriptors");
    close(parsed->spec_fd);
    return AgentLaunch{std::move(parsed->spec), parsed->page_fd, parsed->guardian_fd, parsed->agent_number,
                       parsed->output_page_fd};
}

Result<OutputLaunch> parse_output_arguments(const std::vector<std::string>& arguments) {
    auto parsed = parse_role_arguments(arguments);
    if (!parsed) return tl::unexpected<Error>(parsed.error());
    for (const int fd :
         {parsed->guardian_fd, parsed->output_page_fd, parsed->output_fd, parsed->errors_fd, parsed->ended_fd}) {
        if (fd < 0) return failure("the output helper was started without its descriptors");
    }
    close(parsed->spec_fd);
    return OutputLaunch{std::move(parsed->spec), parsed->guardian_fd, parsed->output_page_fd,
                        parsed->output_fd,       parsed->errors_fd,   parsed->ended_fd};
}

Result<void> send_new_configuration(int guardian_fd, const LaunchSpec& spec, const std::string& config) {
    const Channel guardian{UniqueFd(guardian_fd)};
    auto text = seal_in_memory("leasehold-config", config);
    if (!text) return tl::unexpected<Error>(text.error());
    auto sealed = seal_launch_spec(spec);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    return guardian.send(NewConfigMessage{}, text->get()).and_then([&] {
        return guardian.send(NewSpecMessage{}, sealed->get());
    });
}

Result<void> send_reload_outcome(int guardian_fd, bool refused, const std::string& text) {
    const Channel guardian{UniqueFd(guardian_fd)};
    auto sealed = seal_in_memory("leasehold-reload", text);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    return guardian.send(ReloadOutcomeMessage{refused, 0}, sealed->get());
}

}  // namespace leasehold::supervisor
