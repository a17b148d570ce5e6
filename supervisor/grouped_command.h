// SPDX-License-Identifier: Apache-2.0
//
// One execution of a command that may not go on for ever: whoever holds it can kill it, with its process group, and
// when it ends by itself, what is left in that group is killed too. What has left the group (a daemon) stays, and ends
// with the workload's tree.
//
// Threads: the supervisor's. Never blocks. It reaps nothing: the supervisor does, and says so at once, so that the
// process number that is held here is never somebody else's.
#pragma once

#include <optional>

#include <sys/types.h>

#include "supervisor/reaper.h"
#include "supervisor/spawn.h"

namespace leasehold::supervisor {

class GroupedCommand {
public:
    struct Ending {
        SpawnOutcome start;
        int status = 0;  // the exit status; 128 + the signal
        bool killed = false;
    };

    // REQUIRES: not alive().
    void began(Spawned process);

    // It was executed, and has not been reaped; perhaps it was killed.
    bool alive() const { return process_.pid > 0; }
    bool killed() const { return killed_; }
    pid_t pid() const { return process_.pid; }

    void kill();

    // Called with each child that has ended, before it is reaped and after (supervisor/reaper.h).
    void has_ended(pid_t pid) const;
    std::optional<Ending> reaped(const Exit& exit);

private:
    Spawned process_;  // pid -1: none
    bool killed_ = false;
};

}  // namespace leasehold::supervisor
