// SPDX-License-Identifier: Apache-2.0
//
// What the supervisor holds of what it executes outside a term: one tree at a time, contained like the workload's, with
// no deadline. supervisor/standby_machine.h says what becomes of it; supervisor/supervisor_standby.cpp does it.
//
// Plain data, the supervisor's.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>

#include "base/event_loop.h"
#include "supervisor/backoff.h"
#include "supervisor/exec_probe.h"
#include "supervisor/leader_hook.h"
#include "supervisor/messages.h"
#include "supervisor/standby_machine.h"

namespace leasehold::supervisor {

// Commands that run beside something else, or alone.
enum class HelperPlace {
    none,     // not now
    term,     // beside the workload, and part of its tree
    standby,  // beside the standby command
    alone,    // as a standby tree of its own
};

struct StandbyTree {
    StandbyTree(const WorkloadOptions& workload, LeaderHook::Spawn spawn_hook)
        : machine(workload.restart, workload.stop.grace_period, std::random_device{}()), hook(std::move(spawn_hook)) {}

    StandbyMachine machine;
    Spawned spawned;  // the standby command
    pid_t main = -1;  // the first process of the tree, and its process group; -1 once it was reaped
    std::optional<SpawnOutcome> outcome;
    std::optional<int> status;  // the standby command's exit status, when it ended last
    KillRhythm kill_rhythm;
    std::uint32_t starts = 0;   // of the standby command
    std::string name;           // of its program, as it was when it was started
    bool failed_start = false;  // nothing of the standby command was ever forked, as far as is known

    bool standing = false;  // the agent says that this candidate is a standby
    StandbyMessage told;    // to the agent

    std::optional<ExecProbe> candidacy;
    LeaderHook hook;
    std::string leader;  // whom the agent spoke of last
    std::unique_ptr<Timer> timer;
};

}  // namespace leasehold::supervisor
