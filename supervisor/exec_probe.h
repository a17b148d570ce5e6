// SPDX-License-Identifier: Apache-2.0
//
// workload.ready.exec, workload.health.exec and workload.candidacy.exec: a command that is executed again and again
// beside the workload; that of candidacy also while no term runs. It is part of the tree it is executed in: contained
// with it, waited for by the proof of emptiness, and gone with it.
//
// What has not ended by the timeout is killed (supervisor/grouped_command.h). Standard streams lead nowhere, so nothing
// that is printed can fill or block anything.
//
// Threads: the supervisor's. Blocking: never, but for the fork. It reaps nothing: the supervisor does, and says so.
#pragma once

#include <functional>
#include <optional>

#include <sys/types.h>

#include "supervisor/exec_outcome.h"
#include "supervisor/grouped_command.h"
#include "supervisor/probe_judge.h"
#include "supervisor/reaper.h"
#include "supervisor/spawn.h"

namespace leasehold::supervisor {

class ExecProbe {
public:
    using Spawn = std::function<Result<Spawned>()>;

    ExecProbe(const ProbeOptions& options, std::uint32_t seed, Spawn spawn);

    // There is something to ask from now on. REQUIRES: of an earlier tree nothing is left.
    void begin(Instant now);

    // There is nothing to ask any more: what is under way is killed, and its outcome of no interest.
    void end();

    // The tree it is executed in ends: what is under way is killed, and its outcome of no interest. There is something
    // to ask all the same, as soon as tick() may start again.
    void withdraw(Instant now);

    // As begin(), of which nothing is required.
    void begin_anew(Instant now);

    // Called with each child that has ended, before it is reaped and after (supervisor/reaper.h).
    void has_ended(pid_t pid) const { command_.has_ended(pid); }
    std::optional<ExecOutcome> reaped(const Exit& exit, Instant now);

    // Kills what has used its time up, and begins what is due, unless that is not wanted just now.
    std::optional<ExecOutcome> tick(Instant now, bool may_start);

    // When the next tick() is owed.
    std::optional<Duration> wake(Instant now) const;

private:
    std::optional<ExecOutcome> start(Instant now);
    std::optional<ExecOutcome> judge(Instant now, ExecOutcome::Kind kind, int detail);
    std::optional<ExecOutcome> count_stuck(Instant now);

    ProbeOptions options_;
    ProbeJudge judge_;
    Spawn spawn_;
    GroupedCommand command_;            // what is killed says nothing by its end
    std::optional<Instant> killed_at_;  // while that is still there: when it was, or was last said to be over time
};

}  // namespace leasehold::supervisor
