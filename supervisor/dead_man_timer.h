// SPDX-License-Identifier: Apache-2.0
//
// A timer of the kernel's that kills this very process with SIGKILL unless it is set anew in time: the last switch, for
// the case that nobody of leasehold is able to run. A process that is stopped is killed by it all the same, and its
// children that asked for it (PR_SET_PDEATHSIG) go with it: the workload's own process, or the init of its namespace
// and so everything in there. See timer_create(2).
//
// Not for PID 1 of a namespace, which no signal of its own kills. Never blocks.
#pragma once

#include <ctime>
#include <memory>

#include "base/result.h"
#include "base/time.h"

namespace leasehold::supervisor {

class DeadManTimer {
public:
    static Result<std::unique_ptr<DeadManTimer>> create();
    ~DeadManTimer();
    DeadManTimer(const DeadManTimer&) = delete;
    DeadManTimer& operator=(const DeadManTimer&) = delete;

    // Counts on CLOCK_BOOTTIME. Replaces an earlier setting; a delay that is not positive kills at once.
    void arm_in(Duration delay);
    void disarm();

    // When to be killed at the latest, with this much left to the hard instant: behind the hard instant by the part of
    // the margin that is given as `slack`, so that a supervisor that runs comes first; but a twelfth sooner, because
    // the other of the two clocks may run ahead of the timer's by 8 %. Who runs sets it anew all the time, and never
    // notices that.
    static Duration delay_for(Duration left, Duration slack) { return left - left / 12 + slack; }

private:
    explicit DeadManTimer(timer_t timer) : timer_(timer) {}
    void set(Duration delay);

    timer_t timer_;
};

}  // namespace leasehold::supervisor
