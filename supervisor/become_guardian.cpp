// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/first_roles.h"
#include "supervisor/guardian.h"
#include "supervisor/process_status.h"
#include "supervisor/signals.h"

namespace leasehold::supervisor {
namespace {

constexpr int kFailed = 125;

struct Ends {
    UniqueFd ours;
    UniqueFd theirs;
};

Result<Ends> socket_ends() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return system_failure("a socket pair");
    return Ends{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Becomes nothing but what `life` is.
template <class Life>
pid_t fork_into(const Life& life) {
    const pid_t child = fork();
    if (child != 0) return child;
    const int status = life();
    std::fflush(nullptr);
    std::exit(status);  // not back into what is the guardian's to do
}

// All that is there before the guardian is one.
struct Beginning {
    std::unique_ptr<SharedPage> page;
    WaitingRole agent;
    WaitingRole supervisor;
};

// The supervisor looks, the agent hears what it finds.
Result<Ends> trial_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("a pipe");
    return Ends{UniqueFd(ends[1]), UniqueFd(ends[0])};  // ours: to write
}

Result<WaitingRole> fork_agent(const SharedPage& page, Ends& trial, const EarlySignals& signals,
                               const FirstAgent& agent) {
    auto socket = socket_ends();
    if (!socket) return tl::unexpected<Error>(socket.error());
    auto channel = Channel::pair();
    if (!channel) return tl::unexpected<Error>(channel.error());
    const pid_t self = getpid();
    const pid_t child = fork_into([&] {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self) return kFailed;
        signals.let_through();
        socket->ours.reset();
        channel->first.close();
        trial.ours.reset();
        return be_first_agent(std::move(socket->theirs), std::move(trial.theirs), page, std::move(channel->second),
                              agent);
    });
    if (child < 0) return system_failure("a process that reads the configuration");
    return WaitingRole{child, std::move(socket->ours), std::move(channel->first)};
}

// Without it the supervisor is executed like later ones.
WaitingRole fork_supervisor(const SharedPage& page, WaitingRole& agent, Ends& trial) {
    auto socket = socket_ends();
    auto channel = Channel::pair();
    if (!socket || !channel) return {};
    const RoleSession session = session_of_supervisor();
    const pid_t child = fork_into([&] {
        socket->ours.reset();
        channel->first.close();
        agent = {};
        trial.theirs.reset();
        return be_first_supervisor(std::move(socket->theirs), std::move(trial.ours), page, std::move(channel->second),
                                   session);
    });
    if (child < 0) return {};
    return {child, std::move(socket->ours), std::move(channel->first)};
}

Result<Beginning> begin_roles(const EarlySignals& signals, const FirstAgent& agent) {
    auto page = SharedPage::create();
    if (!page) return tl::unexpected<Error>(page.error());
    auto trial = trial_pipe();
    if (!trial) return tl::unexpected<Error>(trial.error());
    auto forked = fork_agent(**page, *trial, signals, agent);
    if (!forked) return tl::unexpected<Error>(forked.error());
    WaitingRole supervisor = fork_supervisor(**page, *forked, *trial);
    return Beginning{std::move(*page), std::move(*forked), std::move(supervisor)};
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

// The first supervisor gets what it waits for while the guardian is still becoming one. One that cannot be told ends.
void tell_at_once(WaitingRole& supervisor, const LaunchSpec& spec, const UniqueFd& sealed) {
    if (supervisor.pid < 0 || spec.workload.output.captured()) return;
    Inherited inherited;
    inherited.add("--spec-fd", sealed.get());
    inherited.held = spec.held_fds;
    if (auto told = let_go_on(supervisor, inherited); !told) log::error("the supervisor: {}", told.error().message);
}

// Nothing will be supervised. It ends by itself once it has tried what it tries, unless that hangs.
void dismiss(WaitingRole role) {
    if (role.pid < 0) return;
    role.socket.reset();
    constexpr int kPatienceMs = 200;
    const UniqueFd process = open_process(role.pid);
    pollfd ended{process.get(), POLLIN, 0};
    if (!process || poll(&ended, 1, kPatienceMs) <= 0) kill(role.pid, SIGKILL);
    waitpid(role.pid, nullptr, WNOHANG);  // what does not even die is not waited for
}

int cannot_begin(const Error& problem) {
    log::error("{}", problem.message);
    return kFailed;
}

}  // namespace

int become_guardian(const Preparation& prepare, const std::function<int(AgentLaunch)>& first_agent) {
    // Whatever the children below are the parents of stays ours.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return cannot_begin(system_failure("PR_SET_CHILD_SUBREAPER").value());
    // A stop that comes before the agent has handed over ends us at once, and the children with us, but for PID 1; one
    // that comes later waits for the guardian to read it.
    const EarlySignals signals;
    auto beginning = begin_roles(signals, {prepare, first_agent});
    if (!beginning) return cannot_begin(beginning.error());
    auto spec = signals.wait_for(beginning->agent.socket.get()).and_then([&beginning] {
        return take_over(beginning->agent.socket.get());
    });
    if (spec && !*spec) signals.let_through();  // what ended the agent may have been meant for us as well
    take_signals();
    Result<UniqueFd> sealed;
    if (spec && *spec) sealed = seal_launch_spec(**spec);
    if (!spec || !*spec || !sealed) dismiss(std::move(beginning->supervisor));
    if (!spec) return cannot_begin(spec.error());
    if (!*spec) return status_without_description(beginning->agent.pid);
    if (!sealed) return cannot_begin(sealed.error());
    tell_at_once(beginning->supervisor, **spec, *sealed);
    return run_guardian({.spec = std::move(**spec), .spec_fd = sealed->release()},
                        {std::move(beginning->page), std::move(beginning->agent), std::move(beginning->supervisor)});
}

}  // namespace leasehold::supervisor
