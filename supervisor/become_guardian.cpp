// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/descriptor_packet.h"
#include "supervisor/guardian.h"
#include "supervisor/launch_internal.h"
#include "supervisor/role_process.h"
#include "supervisor/signals.h"

namespace leasehold::supervisor {
namespace {

constexpr int kFailed = 125;

// Of the child: the description, and everything that it names, on their way to the guardian.
Result<void> hand_over(int socket, const LaunchSpec& spec) {
    auto sealed = seal_launch_spec(spec);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    DescriptorPacket packet{{}, {sealed->get()}};
    for_each_descriptor(spec, [&packet](int fd) { packet.fds.push_back(fd); });
    return send_descriptors(socket, packet);
}

// Of the guardian: what the child handed over, with the numbers that its descriptors have here. Nothing when it ended
// without that. Waits for it.
Result<std::optional<LaunchSpec>> take_over(int socket) {
    auto packet = receive_descriptors(socket);
    if (!packet) return tl::unexpected<Error>(packet.error());
    const std::vector<int>& fds = packet->fds;
    if (fds.empty()) return std::optional<LaunchSpec>();
    const UniqueFd sealed(fds.front());
    auto spec = read_launch_spec(sealed.get());
    if (!spec) return tl::unexpected<Error>(spec.error());
    std::size_t next = 1;
    bool complete = true;
    for_each_descriptor(*spec, [&](int& fd) {
        if (next < fds.size()) {
            fd = fds[next++];
        } else {
            complete = false;
        }
    });
    if (!complete) return failure("the configuration came without its files");
    return std::optional(std::move(*spec));
}

// What a role that waits is told by the guardian, in the words in which it would be executed. What has no name there is
// to be held. Nothing when the guardian has ended, and has said why. Waits for it.
Result<std::optional<RoleArguments>> await_word(int socket, std::vector<int>& held) {
    auto packet = receive_descriptors(socket);
    if (!packet) return tl::unexpected<Error>(packet.error());
    if (packet->fds.empty()) return std::optional<RoleArguments>();
    RoleArguments arguments;
    for (std::size_t i = 0; i < packet->names.size(); ++i) {
        int* const place = place_of(packet->names[i], arguments);
        if (place == nullptr) return failure("the guardian speaks of \"" + packet->names[i] + "\"");
        *place = packet->fds[i];
    }
    held.assign(packet->fds.begin() + static_cast<std::ptrdiff_t>(packet->names.size()), packet->fds.end());
    return std::optional(std::move(arguments));
}

// Of the child: the first agent's life, from the guardian's word on.
int go_on_as_agent(UniqueFd socket, LaunchSpec spec, const std::function<int(AgentLaunch)>& first_agent) {
    prctl(PR_SET_PDEATHSIG, 0);  // like every agent: it ends when the guardian's end of a socket is closed
    setsid();
    if (spec.notify_fd >= 0) close(spec.notify_fd);  // the guardian's; that there is one is for the agent to know
    std::vector<int> held;                           // it holds them already
    auto told = await_word(socket.get(), held);
    if (!told) {
        log::error("{}", told.error().message);
        return kFailed;
    }
    if (!*told) return 0;
    if ((*told)->spec_fd >= 0) close((*told)->spec_fd);
    socket.reset();
    return first_agent({.spec = std::move(spec),
                        .page_fd = (*told)->page_fd,
                        .guardian_fd = (*told)->guardian_fd,
                        .output_page_fd = (*told)->output_page_fd});
}

// Of the other child: the first supervisor's life.
int go_on_as_supervisor(UniqueFd socket, RoleSession session) {
    take_signals();
    begin_session(session);
    std::vector<int> held;
    auto told = await_word(socket.get(), held);
    if (told && !*told) return 0;
    auto arguments = told.and_then([&](auto given) -> Result<RoleArguments> {
        auto spec = read_launch_spec(given->spec_fd);
        if (!spec) return tl::unexpected<Error>(spec.error());
        given->spec = std::move(*spec);
        return std::move(*given);
    });
    if (!arguments) {
        log::error("{}", arguments.error().message);
        return kFailed;
    }
    socket.reset();
    if (arguments->spec.notify_fd >= 0) close(arguments->spec.notify_fd);
    arguments->spec.held_fds = std::move(held);
    return first_supervisor_main(std::move(*arguments));
}

// A second child, which inherits no parser's memory either: while the other reads the configuration it comes into
// being, and no execution of the program is waited for. Without it the supervisor is executed like later ones.
WaitingRole fork_supervisor(const UniqueFd& of_agent) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const RoleSession session = session_of_supervisor();
    const pid_t child = fork();
    if (child < 0) return {};
    if (child == 0) {
        ours.reset();
        close(of_agent.get());
        const int status = go_on_as_supervisor(std::move(theirs), session);
        std::fflush(nullptr);
        std::exit(status);
    }
    return {child, std::move(ours)};
}

// Nothing will be supervised.
void dismiss(WaitingRole role) {
    if (role.pid < 0) return;
    role.socket.reset();
    while (waitpid(role.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

int prepare_and_go_on(UniqueFd socket, pid_t parent, const std::function<tl::expected<LaunchSpec, int>()>& prepare,
                      const std::function<int(AgentLaunch)>& first_agent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return kFailed;
    auto spec = prepare();
    if (!spec) return spec.error();
    take_signals();  // until the agent says which it ignores; the guardian hears them for both
    if (const auto sent = hand_over(socket.get(), *spec); !sent) {
        log::error("{}", sent.error().message);
        return kFailed;
    }
    return go_on_as_agent(std::move(socket), std::move(*spec), first_agent);
}

// The exit status of a child that has nothing to hand over, once it has ended.
int status_without_description(pid_t child) {
    int status = 0;
    pid_t ended = -1;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    if (ended < 0) {
        log::error("waiting for the process that reads the configuration: {}", std::strerror(errno));
        return kFailed;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) return WEXITSTATUS(status);
    const bool by_signal = WIFSIGNALED(status);
    // From the terminal, to all of us; as PID 1 we go on.
    if (by_signal && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGQUIT)) return 128 + WTERMSIG(status);
    log::error("the process that reads the configuration ended {}",
               how(Exit{child, by_signal, by_signal ? 128 + WTERMSIG(status) : 0}));
    return kFailed;
}

}  // namespace

Result<void> let_go_on(const WaitingRole& role, const Inherited& inherited) {
    DescriptorPacket packet;
    for (const auto& [name, fd] : inherited.named) {
        packet.names.push_back(name);
        packet.fds.push_back(fd);
    }
    packet.fds.insert(packet.fds.end(), inherited.held.begin(), inherited.held.end());
    return send_descriptors(role.socket.get(), packet);
}

int become_guardian(const std::function<tl::expected<LaunchSpec, int>()>& prepare,
                    const std::function<int(AgentLaunch)>& first_agent) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        log::error("{}", system_failure("a socket pair").value().message);
        return kFailed;
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const pid_t self = getpid();
    // The kernel drops what PID 1 neither handles nor blocks: a stop that comes now would be lost. Everybody else ends
    // by it at once, and the child with it.
    if (self == 1) take_signals();
    const pid_t child = fork();
    if (child < 0) {
        log::error("{}", system_failure("a process that reads the configuration").value().message);
        return kFailed;
    }
    if (child == 0) {
        if (self == 1) restore_signals();
        ours.reset();
        const int status = prepare_and_go_on(std::move(theirs), self, prepare, first_agent);
        std::fflush(nullptr);
        std::exit(status);  // not back into what is the guardian's to do
    }
    theirs.reset();
    WaitingRole supervisor = fork_supervisor(ours);
    auto spec = take_over(ours.get());
    // Signals that arrive from here on wait for the guardian to read them.
    take_signals();
    if (!spec || !*spec) dismiss(std::move(supervisor));
    if (!spec) {
        log::error("{}", spec.error().message);
        return kFailed;
    }
    if (!*spec) return status_without_description(child);
    auto sealed = seal_launch_spec(**spec);
    if (!sealed) {
        dismiss(std::move(supervisor));
        log::error("{}", sealed.error().message);
        return kFailed;
    }
    return run_guardian({.spec = std::move(**spec), .spec_fd = sealed->release()}, {child, std::move(ours)},
                        std::move(supervisor));
}

}  // namespace leasehold::supervisor
