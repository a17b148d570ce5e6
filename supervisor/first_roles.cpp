// SPDX-License-Identifier: Apache-2.0
#include "supervisor/first_roles.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/wire.h"
#include "supervisor/command_line.h"
#include "supervisor/descriptor_packet.h"
#include "supervisor/signals.h"

namespace leasehold::supervisor {
namespace {

constexpr int kNoRole = 125;
constexpr std::size_t kMostFound = 8 << 10;  // a path, or a sentence with one
constexpr int kLongestTrialMs = 3000;

// ---- what the one finds for the other -----------------------------------------------------------------------------

void tell_finding(int pipe, const Result<std::string>& found) {
    WireWriter out;
    out.number(found ? 1 : 0);
    out.text(found ? *found : found.error().message);
    out.signed_number(found ? 0 : found.error().code);
    const std::string bytes = out.bytes();
    // Nobody reads it any more, or not all of it fits: then the other one looks for itself.
    if (write(pipe, bytes.data(), bytes.size()) < 0) log::debug("cgroups: {}", system_failure("write").value().message);
}

// Waits for it, but not for ever. Nothing when the other has ended without a word, or hangs.
std::optional<Result<std::string>> hear_finding(int pipe) {
    std::string bytes;
    std::array<char, kMostFound> piece{};
    for (ssize_t size = 1; size != 0;) {
        pollfd wanted{pipe, POLLIN, 0};
        if (poll(&wanted, 1, kLongestTrialMs) == 0) return std::nullopt;
        size = read(pipe, piece.data(), piece.size());
        if (size < 0 && errno != EINTR) return std::nullopt;
        if (size > 0) bytes.append(piece.data(), static_cast<std::size_t>(size));
    }
    WireReader in(bytes);
    const bool possible = in.number() != 0;
    std::string text = in.text();
    const int code = static_cast<int>(in.signed_number());
    if (in.failed() || !in.at_end()) return std::nullopt;
    if (possible) return Result<std::string>(std::move(text));
    return Result<std::string>(failure(std::move(text), code));
}

// ---- what those who wait are told ---------------------------------------------------------------------------------

struct Word {
    RoleArguments arguments;  // as a role is executed with them; the description is not read yet
    std::vector<int> held;    // what has no name there
};

// Nothing when the guardian has ended, and has said why. Waits for it.
Result<std::optional<Word>> await_word(int socket) {
    auto packet = receive_descriptors(socket);
    if (!packet) return tl::unexpected<Error>(packet.error());
    if (packet->fds.empty()) return std::optional<Word>();
    Word word;
    for (std::size_t i = 0; i < packet->names.size(); ++i) {
        int* const place = place_of(packet->names[i], word.arguments);
        if (place == nullptr) return failure("the guardian speaks of \"" + packet->names[i] + '"');
        *place = packet->fds[i];
    }
    word.held.assign(packet->fds.begin() + static_cast<std::ptrdiff_t>(packet->names.size()), packet->fds.end());
    return std::optional(std::move(word));
}

// That the trial's child has ended is no news for the supervisor to come. Signals are blocked: what is pending stays.
void forget_children() {
    sigset_t of_children;
    sigemptyset(&of_children);
    sigaddset(&of_children, SIGCHLD);
    const timespec at_once{};
    while (sigtimedwait(&of_children, nullptr, &at_once) == SIGCHLD) {
    }
}

int say_why(const Error& problem) {
    log::error("{}", problem.message);
    return kNoRole;
}

// As every role has them: its own, by number.
Result<void> take_along(const SharedPage& page, Channel guardian, int& page_fd, int& guardian_fd) {
    page_fd = fcntl(page.fd(), F_DUPFD_CLOEXEC, 0);
    if (page_fd < 0) return system_failure("F_DUPFD_CLOEXEC");
    guardian_fd = fcntl(guardian.fd(), F_DUPFD_CLOEXEC, 0);
    if (guardian_fd < 0) return system_failure("F_DUPFD_CLOEXEC");
    return {};
}

// The description, and everything that it names, on their way to the guardian.
Result<void> hand_over(int socket, const LaunchSpec& spec) {
    auto sealed = seal_launch_spec(spec);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    DescriptorPacket packet{{}, {sealed->get()}};
    for_each_descriptor(spec, [&packet](int fd) { packet.fds.push_back(fd); });
    return send_descriptors(socket, packet);
}

}  // namespace

int be_first_agent(UniqueFd socket, UniqueFd trial, const SharedPage& page, Channel guardian, const FirstAgent& agent) {
    auto spec = agent.prepare([&trial] {
        setsid();  // takes the kernel a while, and there is something to wait for
        auto found = hear_finding(trial.get());
        return found ? std::move(*found) : try_cgroups();
    });
    if (!spec) return spec.error();
    trial.reset();
    take_signals();  // until the agent says which it ignores; the guardian hears them for both
    if (const auto sent = hand_over(socket.get(), *spec); !sent) return say_why(sent.error());
    prctl(PR_SET_PDEATHSIG, 0);  // like every agent: it ends when the guardian's end of a socket is closed
    setsid();                    // fails when it is done already
    show_command_line_as(kAgentRole);
    if (spec->notify_fd >= 0) close(spec->notify_fd);  // the guardian's; that there is one is for the agent to know
    AgentLaunch launch;
    if (spec->workload.output.captured()) {
        const auto word = await_word(socket.get());
        if (!word) return say_why(word.error());
        if (!*word) return 0;
        const UniqueFd known((*word)->arguments.spec_fd);
        launch.output_page_fd = (*word)->arguments.output_page_fd;
    }
    socket.reset();
    launch.spec = std::move(*spec);
    if (auto taken = take_along(page, std::move(guardian), launch.page_fd, launch.guardian_fd); !taken) {
        return say_why(taken.error());
    }
    return agent.go_on(std::move(launch));
}

int be_first_supervisor(UniqueFd socket, UniqueFd trial, const SharedPage& page, Channel guardian,
                        RoleSession session) {
    take_signals();
    tell_finding(trial.get(), try_cgroups());
    trial.reset();
    forget_children();
    begin_session(session);
    show_command_line_as(kSupervisorRole);
    auto word = await_word(socket.get());
    if (!word) return say_why(word.error());
    if (!*word) return 0;
    socket.reset();
    RoleArguments arguments = std::move((*word)->arguments);
    auto spec = read_launch_spec(arguments.spec_fd);
    if (!spec) return say_why(spec.error());
    arguments.spec = std::move(*spec);
    arguments.spec.held_fds = std::move((*word)->held);
    if (arguments.spec.notify_fd >= 0) close(arguments.spec.notify_fd);
    if (auto taken = take_along(page, std::move(guardian), arguments.page_fd, arguments.guardian_fd); !taken) {
        return say_why(taken.error());
    }
    return first_supervisor_main(std::move(arguments));
}

Result<std::optional<LaunchSpec>> take_over(int socket) {
    auto packet = receive_descriptors(socket);
    if (!packet) return tl::unexpected<Error>(packet.error());
    if (packet->fds.empty()) return std::optional<LaunchSpec>();
    const UniqueFd sealed(packet->fds.front());
    auto spec = read_launch_spec(sealed.get());
    if (!spec) return tl::unexpected<Error>(spec.error());
    std::size_t next = 1;
    bool complete = true;
    for_each_descriptor(*spec, [&](int& fd) {
        if (next < packet->fds.size()) {
            fd = packet->fds[next++];
        } else {
            complete = false;
        }
    });
    if (!complete) return failure("the configuration came without its files");
    return std::optional(std::move(*spec));
}

Result<void> let_go_on(const WaitingRole& role, const Inherited& inherited) {
    DescriptorPacket packet;
    for (const auto& [name, fd] : inherited.named) {
        packet.names.push_back(name);
        packet.fds.push_back(fd);
    }
    packet.fds.insert(packet.fds.end(), inherited.held.begin(), inherited.held.end());
    return send_descriptors(role.socket.get(), packet);
}

}  // namespace leasehold::supervisor
