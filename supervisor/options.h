// SPDX-License-Identifier: Apache-2.0
//
// workload: what is run and how it is stopped.
#pragma once

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"

namespace leasehold::supervisor {

struct StopOptions {
    int signal = SIGTERM;                              // sent to where signals.to says
    Duration grace_period = std::chrono::seconds(30);  // a maximum: after that SIGKILL to the whole tree

    friend bool operator==(const StopOptions&, const StopOptions&) = default;
};

enum class SignalTarget { group, process };

// What becomes of the signals that leasehold receives and hands on (supervisor/signal_rules.h).
struct SignalOptions {
    static constexpr int kDropped = 0;

    SignalTarget to = SignalTarget::group;  // of the workload; also of stop.signal
    std::map<int, int> rewrite;             // received -> handed on, or kDropped

    friend bool operator==(const SignalOptions&, const SignalOptions&) = default;
};

enum class ContainmentChoice { automatic, cgroup, subreaper, pid_namespace };

struct WorkloadOptions {
    std::vector<std::string> command;        // executed without a shell; [0] is looked up in PATH
    std::map<std::string, std::string> env;  // added to, and winning over, the environment of leasehold
    StopOptions stop;
    SignalOptions signals;
    ContainmentChoice containment = ContainmentChoice::automatic;

    friend bool operator==(const WorkloadOptions&, const WorkloadOptions&) = default;
};

}  // namespace leasehold::supervisor
