// SPDX-License-Identifier: Apache-2.0
//
// `leasehold sidecar`: the election and the endpoints in one process, for a program beside it that asks who leads.
// There is no guardian, no supervisor and no workload, so leadership ends at once when it has to; how the program takes
// that is its own affair.
//
// Fit to be PID 1: every signal is read from a descriptor, so none is lost or deadly, and orphans are reaped.
//
// Threads: one, from creation to the end of run() (a store may have more inside). Never blocks.
#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "app/participant.h"
#include "base/event_loop.h"
#include "config/options.h"
#include "supervisor/signals.h"

namespace leasehold::app {

class Sidecar {
public:
    // Opens the store and serves the endpoints. REQUIRES: supervisor::take_signals(), before there were other threads.
    static Result<std::unique_ptr<Sidecar>> create(Participant::Settings settings);

    // Takes part in the election until told to stop. Returns the exit status of the process.
    int run();

private:
    Sidecar() = default;

    Result<void> set_up(Participant::Settings settings);
    void grant(const election::Grant& wanted);
    void revoke(const election::Revoke& wanted);
    void on_signal(int signal);
    void stop();
    void reap_orphans();
    void leave(int status = 0) {
        status_ = status;
        loop_->stop();
    }

    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<supervisor::SignalSource> signals_;
    std::unique_ptr<Timer> reap_timer_;
    std::unique_ptr<Timer> hurry_timer_;  // a second stop request
    std::unique_ptr<Participant> participant_;
    election::Term shown_term_ = 0;  // the last one that was told of
    int stop_requests_ = 0;
    int status_ = 0;
};

// Everything from checked options to the exit status: the preflight, the listening sockets, and the sidecar itself.
int run_sidecar(config::Options options);

}  // namespace leasehold::app
