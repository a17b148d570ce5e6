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
#include "supervisor/guardian.h"
#include "supervisor/launch_internal.h"
#include "supervisor/signals.h"

namespace leasehold::supervisor {
namespace {

constexpr int kFailed = 125;
constexpr std::size_t kMostDescriptors = 253;  // SCM_MAX_FD, unix(7)

struct Packet {
    msghdr head{};
    iovec part{};
    char byte = 0;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};

    Packet() {
        part = {&byte, 1};
        head.msg_iov = &part;
        head.msg_iovlen = 1;
        head.msg_control = control.data();
        head.msg_controllen = control.size();
    }
    Packet(const Packet&) = delete;
    Packet& operator=(const Packet&) = delete;
};

Result<void> send(int socket, const std::vector<int>& fds) {
    if (fds.size() > kMostDescriptors) {
        return failure("these are more addresses to listen on than leasehold can keep open; give fewer");
    }
    Packet packet;
    packet.head.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* const rights = CMSG_FIRSTHDR(&packet.head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
    ssize_t sent = -1;
    do {
        sent = sendmsg(socket, &packet.head, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return system_failure("handing files to another process of leasehold");
    return {};
}

// Waits for them. None when the other end was closed.
Result<std::vector<int>> receive(int socket) {
    Packet packet;
    ssize_t received = -1;
    do {
        received = recvmsg(socket, &packet.head, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) return system_failure("taking files over from another process of leasehold");
    std::vector<int> fds;
    if (received == 0) return fds;
    const cmsghdr* const rights = CMSG_FIRSTHDR(&packet.head);
    if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        fds.resize((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        std::memcpy(fds.data(), CMSG_DATA(rights), fds.size() * sizeof(int));
    }
    // With too small a limit of open files some do not arrive (MSG_CTRUNC).
    if (fds.empty() || (packet.head.msg_flags & MSG_CTRUNC) != 0) {
        return failure("leasehold may not open as many files as it needs; raise the limit (ulimit -n)");
    }
    return fds;
}

// Of the child: the description, and everything that it names, on their way to the guardian.
Result<void> hand_over(int socket, const LaunchSpec& spec) {
    auto sealed = seal_launch_spec(spec);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    std::vector<int> fds{sealed->get()};
    for_each_descriptor(spec, [&fds](int fd) { fds.push_back(fd); });
    return send(socket, fds);
}

// Of the guardian: what the child handed over, with the numbers that its descriptors have here. Nothing when it ended
// without that. Waits for it.
Result<std::optional<LaunchSpec>> take_over(int socket) {
    auto fds = receive(socket);
    if (!fds) return tl::unexpected<Error>(fds.error());
    if (fds->empty()) return std::optional<LaunchSpec>();
    const UniqueFd sealed(fds->front());
    auto spec = read_launch_spec(sealed.get());
    if (!spec) return tl::unexpected<Error>(spec.error());
    std::size_t next = 1;
    bool complete = true;
    for_each_descriptor(*spec, [&](int& fd) {
        if (next < fds->size()) {
            fd = (*fds)[next++];
        } else {
            complete = false;
        }
    });
    if (!complete) return failure("the configuration came without its files");
    return std::optional(std::move(*spec));
}

// Of the child: the first agent's life, from the guardian's word on.
int go_on_as_agent(UniqueFd socket, LaunchSpec spec, const std::function<int(AgentLaunch)>& first_agent) {
    prctl(PR_SET_PDEATHSIG, 0);  // like every agent: it ends when the guardian's end of a socket is closed
    setsid();
    if (spec.notify_fd >= 0) close(spec.notify_fd);  // the guardian's; that there is one is for the agent to know
    auto received = receive(socket.get());
    if (!received) {
        log::error("{}", received.error().message);
        return kFailed;
    }
    if (received->size() < 2) return 0;  // the guardian has ended, and has said why
    AgentLaunch launch{.spec = std::move(spec), .page_fd = (*received)[0], .guardian_fd = (*received)[1]};
    if (received->size() > 2) launch.output_page_fd = (*received)[2];
    socket.reset();
    return first_agent(std::move(launch));
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

Result<void> let_go_on(const WaitingAgent& agent, int page_fd, int guardian_fd, int output_page_fd) {
    std::vector<int> fds{page_fd, guardian_fd};
    if (output_page_fd >= 0) fds.push_back(output_page_fd);
    return send(agent.socket.get(), fds);
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
    auto spec = take_over(ours.get());
    // Signals that arrive from here on wait for the guardian to read them.
    take_signals();
    if (!spec) {
        log::error("{}", spec.error().message);
        return kFailed;
    }
    if (!*spec) return status_without_description(child);
    auto sealed = seal_launch_spec(**spec);
    if (!sealed) {
        log::error("{}", sealed.error().message);
        return kFailed;
    }
    return run_guardian({.spec = std::move(**spec), .spec_fd = sealed->release()}, {child, std::move(ours)});
}

}  // namespace leasehold::supervisor
