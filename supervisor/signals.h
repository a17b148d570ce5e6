// SPDX-License-Identifier: Apache-2.0
//
// Signals of guardian and supervisor: all blocked and read from a descriptor, so that nothing runs at a surprising
// moment; and put back to what a program expects before another one is executed.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <string>

#include <sys/signalfd.h>

#include "base/event_loop.h"
#include "base/result.h"

namespace leasehold::supervisor {

// Every disposition to its default (a leasehold that was started with SIGCHLD ignored would never learn exit codes),
// and every signal blocked but those that report a fault of our own.
void take_signals();

// Every disposition to its default, nothing blocked. Async-signal-safe.
void restore_signals();

// Of a process that will read its signals once it is told something: until then they do what they always did, but none
// is lost, or ends it, in between. As PID 1 they only wait: the kernel would drop most of them (pid_namespaces(7)).
class EarlySignals {
public:
    // All wait from now on. What they do stays as it is, but for SIGCHLD: ignored, it would take the status of whoever
    // ends from us.
    EarlySignals();

    // For a child that goes its own way.
    void let_through() const;

    // Until the descriptor can be read; all that came before has acted then, or waits.
    Result<void> wait_for(int fd) const;

private:
    sigset_t before_{};
};

// Calls back for every signal that arrives. The loop must outlive it.
class SignalSource {
public:
    static Result<std::unique_ptr<SignalSource>> create(EventLoop& loop,
                                                        std::function<void(const signalfd_siginfo&)> callback);
    ~SignalSource();

private:
    SignalSource(EventLoop& loop, UniqueFd fd) : loop_(loop), fd_(std::move(fd)) {}

    EventLoop& loop_;
    UniqueFd fd_;
};

// "SIGTERM", "SIGRTMIN+3", or the number.
std::string signal_name(int signal);

}  // namespace leasehold::supervisor
