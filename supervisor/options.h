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
    int signal = SIGTERM;                              // sent to the workload's process group
    Duration grace_period = std::chrono::seconds(30);  // a maximum: after that SIGKILL to the whole tree

    friend bool operator==(const StopOptions&, const StopOptions&) = default;
};

enum class ContainmentChoice { automatic, cgroup, subreaper, pid_namespace };

struct WorkloadOptions {
    std::vector<std::string> command;        // executed without a shell; [0] is looked up in PATH
    std::map<std::string, std::string> env;  // added to, and winning over, the environment of leasehold
    StopOptions stop;
    ContainmentChoice containment = ContainmentChoice::automatic;

    friend bool operator==(const WorkloadOptions&, const WorkloadOptions&) = default;
};

}  // namespace leasehold::supervisor
