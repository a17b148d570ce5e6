// SPDX-License-Identifier: Apache-2.0
//
// What the supervisor does with the standby tree, which is everything that it executes while no term runs:
// workload.standby_command, and beside it, or alone where there is none, the commands of workload.candidacy and of
// workload.hooks.on_new_leader. A pure state machine for when to start the standby command, when to ask it to stop, and
// when to kill.
//
// Rules:
//   - never beside the workload's tree: where that is to be started, the standby tree has to be gone first. It is asked
//     to stop, has the grace period of the workload, and is killed then;
//   - a standby command that ends by itself is started again, for ever, after the pauses of workload.restart; while
//     somebody has paused this candidate, only after that;
//   - what it leaves behind when it ends is asked to stop as well, and killed after the grace period;
//   - a helper that runs alone is the whole tree: the standby command waits for it to end, which its time limit sees
//     to. What it leaves behind is killed at once.
//
// Threads: none, not thread-safe. No I/O, no clock, never blocks.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "supervisor/restart_policy.h"

namespace leasehold::supervisor {

class StandbyMachine {
public:
    // absent: nothing is alive. helping: a helper, and no standby command.
    enum class Phase { absent, helping, running, stopping, killing };

    // What is to be by now, as far as others are concerned.
    enum class Want {
        run,    // the standby command
        stay,   // whatever there is: nothing is started, and nothing stopped
        leave,  // nothing, neither command nor helper
    };

    enum class Act {
        nothing,
        start,        // the standby command
        ask_to_stop,  // the whole tree; may be said again when the command itself has ended
        dismiss,      // what a helper does is of no use any more: kill it. The tree ends with it
        kill,         // all of it, again and again until it is proven empty
    };

    StandbyMachine(const RestartOptions& restart, Duration grace_period, std::uint32_t seed);

    // Another configuration, from now on. A grace period that has begun stays as it is.
    void change(const RestartOptions& restart, Duration grace_period);

    // What is to be done now; to be asked after every event until there is nothing.
    Act next(Instant now, Want want);

    // A helper was started alone. REQUIRES: phase absent.
    void on_helper_started() { phase_ = Phase::helping; }

    // The tree's first process has ended, or could not be started: the standby command, or the helper. Before
    // on_empty(), also when nothing else is alive.
    void on_main_ended(Instant now);

    // Proof that nothing of the tree is alive.
    void on_empty();

    // Somebody wants it to be started anew, or at once.
    void on_restart(Instant now);

    // An end by itself is to have no consequences, from now on, or no longer.
    void on_pause(bool paused) { paused_ = paused; }

    // There is no time for grace any more: what is alive is killed by the next next().
    void hurry() { hurried_ = phase_ != Phase::absent; }

    // How long until the next next() is owed at the latest; nothing when only events matter.
    std::optional<Duration> wake(Instant now, Want want) const;

    // How long until it is started, if nothing else hinders that; nothing while it runs or is held back.
    std::optional<Duration> starts_in(Instant now) const;

    Phase phase() const { return phase_; }
    bool alive() const { return phase_ != Phase::absent; }
    bool is_command() const { return command_; }  // REQUIRES: alive()

private:
    bool may_start(Instant now) const;

    RestartPolicy policy_;
    Duration grace_period_;
    Phase phase_ = Phase::absent;
    bool command_ = false;    // the tree is the standby command's
    bool ask_again_ = false;  // those who were not in the command's process group
    bool anew_ = false;       // somebody wants it to be started anew
    bool hurried_ = false;
    bool paused_ = false;
    bool ended_by_itself_ = false;     // when it was alive last
    Instant kill_at_;                  // while stopping
    std::optional<Instant> start_at_;  // not before; nothing: at once
};

}  // namespace leasehold::supervisor
