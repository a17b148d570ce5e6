// SPDX-License-Identifier: Apache-2.0
#include "supervisor/signals.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"

namespace leasehold::supervisor {
namespace {

sigset_t all_but_faults() {
    sigset_t set;
    sigfillset(&set);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&set, fault);
    return set;
}

void block_all_but_faults(sigset_t* before = nullptr) {
    const sigset_t set = all_but_faults();
    sigprocmask(SIG_SETMASK, &set, before);
}

// What can end or stop a process that blocks `blocked`, and is not read.
sigset_t all_that_act(const sigset_t& blocked) {
    sigset_t set = all_but_faults();
    for (const int harmless : {SIGCHLD, SIGCONT, SIGURG, SIGWINCH}) sigdelset(&set, harmless);
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        if (sigismember(&blocked, signal) == 1) sigdelset(&set, signal);
    }
    return set;
}

void reset_dispositions() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    // Fails for SIGKILL, SIGSTOP and the two that the C library keeps for itself, none of which can be changed.
    for (int signal = 1; signal <= SIGRTMAX; ++signal) sigaction(signal, &action, nullptr);
}

}  // namespace

void take_signals() {
    block_all_but_faults();
    reset_dispositions();
}

void restore_signals() {
    reset_dispositions();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

EarlySignals::EarlySignals() {
    block_all_but_faults(&before_);
    signal(SIGCHLD, SIG_DFL);
}

void EarlySignals::let_through() const { sigprocmask(SIG_SETMASK, &before_, nullptr); }

Result<void> EarlySignals::wait_for(int fd) const {
    const sigset_t acting = all_that_act(before_);
    UniqueFd signals;
    if (getpid() != 1) {
        signals.reset(signalfd(-1, &acting, SFD_CLOEXEC | SFD_NONBLOCK));
        if (!signals) return system_failure("signalfd");
    }
    for (;;) {
        std::array<pollfd, 2> wanted{{{fd, POLLIN, 0}, {signals.get(), POLLIN, 0}}};
        if (poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) return system_failure("poll");
        if (wanted[0].revents != 0) return {};
        if (wanted[1].revents == 0) continue;
        let_through();
        block_all_but_faults();
    }
}

Result<std::unique_ptr<SignalSource>> SignalSource::create(EventLoop& loop,
                                                           std::function<void(const signalfd_siginfo&)> callback) {
    const sigset_t set = all_but_faults();
    UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return system_failure("signalfd");
    const int raw_fd = fd.get();
    std::unique_ptr<SignalSource> source(new SignalSource(loop, std::move(fd)));
    auto watched = loop.watch(raw_fd, EPOLLIN, [raw_fd, callback = std::move(callback)](std::uint32_t) {
        signalfd_siginfo info{};
        while (read(raw_fd, &info, sizeof info) == sizeof info) callback(info);
    });
    if (!watched) return tl::unexpected<Error>(watched.error());
    return source;
}

SignalSource::~SignalSource() { loop_.unwatch(fd_.get()); }

std::string signal_name(int signal) {
    if (const char* name = sigabbrev_np(signal)) return std::string("SIG") + name;
    if (signal >= SIGRTMIN && signal <= SIGRTMAX) return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
    return "signal " + std::to_string(signal);
}

}  // namespace leasehold::supervisor
