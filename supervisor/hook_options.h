// SPDX-License-Identifier: Apache-2.0
//
// workload.hooks: commands that are executed at the turns of a term, each without a shell, with the workload's identity
// and environment, contained like it. An empty one is none.
//
// before_start  Before each start of the workload, with the lease held. Fails, or takes too long: the workload is not
//               started, and another candidate is to lead (Kubernetes and systemd do as much: an init container, and
//               ExecStartPre of systemd.service(5)).
// after_start   Once the workload is ready; without workload.ready, once it was executed. Beside it.
// before_stop   Before the workload is asked to stop in an orderly way. Its time is part of the grace period, as with
//               the preStop hook of a pod; so is that of workload.stop.command.
// after_stop    When nothing is left of the workload, with the lease still held, and within it.
// on_new_leader On every candidate, when it sees another holder of the lease than before. LEASEHOLD_LEADER names it.
//
// A failure of the last four is told, and has no consequences. What is over time is killed with its process group. No
// hook delays a deadline: what the lease has no time for is not begun, or killed with the tree.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"

namespace leasehold::supervisor {

struct HookOptions {
    std::vector<std::string> before_start, after_start, before_stop, after_stop, on_new_leader;
    Duration timeout = std::chrono::seconds(10);  // of each

    friend bool operator==(const HookOptions&, const HookOptions&) = default;
};

}  // namespace leasehold::supervisor
