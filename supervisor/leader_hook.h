// SPDX-License-Identifier: Apache-2.0
//
// workload.hooks.on_new_leader: executed for each holder of the lease that is another one than before. One at a time;
// of those that come meanwhile only the newest waits. It is part of the tree it is executed in: the workload's, or the
// standby tree. What has not ended by the time limit is killed, with its process group; what has ended, has its group
// killed too. Standard streams lead nowhere. A failure is told, and has no consequences.
//
// Threads: the supervisor's. Blocking: never, but for the fork. It reaps nothing, as supervisor/exec_probe.h.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "supervisor/grouped_command.h"

namespace leasehold::supervisor {

class LeaderHook {
public:
    using Spawn = std::function<Result<Spawned>(const std::string& leader)>;

    explicit LeaderHook(Spawn spawn) : spawn_(std::move(spawn)) {}

    // Of this leader, in the place of one that still waits.
    void wanted(std::string leader) { next_ = std::move(leader); }

    // The tree it is executed in ends: it is killed, and executed again elsewhere, unless a newer one waits.
    void withdraw();

    // Called with each child that has ended, before it is reaped and after (supervisor/reaper.h).
    void has_ended(pid_t pid) const { command_.has_ended(pid); }
    void reaped(const Exit& exit);

    // Kills what has used its time up, and begins what waits, unless that is not wanted just now.
    void tick(Instant now, Duration limit, bool may_start);

    // How long until the next tick() is owed; nothing when only events matter.
    std::optional<Duration> wake(Instant now, Duration limit) const;

private:
    bool waits() const { return next_ && !command_.alive(); }

    Spawn spawn_;
    std::optional<std::string> next_;
    std::string leader_;      // of the one under way
    GroupedCommand command_;  // what is killed says nothing by its end
    Instant started_at_;
};

}  // namespace leasehold::supervisor
