// SPDX-License-Identifier: Apache-2.0
//
// What the supervisor may do with the workload, as a pure state machine: when to start it, when to ask it to stop, when
// to kill its tree, when to say that the term is over. The supervisor process performs its actions; so does the
// simulator.
//
// Rules:
//   - one tree at a time; it is started only by a grant of a term newer than every closed one, or anew in that term
//     while it goes on, and only before the soft instant;
//   - at the soft instant (leader's view of both clocks) the tree is asked to stop, at the hard one it is killed; a
//     later grant of the same term moves both while the term goes on, and only the hard one once it ends;
//   - a term is closed for good when its tree was proven empty, when it was revoked before it began, or when its grant
//     came too late; EMPTY(term) is reported then, and again whenever someone asks about a closed term;
//   - EMPTY is never reported while any tree is alive. Whoever speaks of another term than that of the living tree has
//     lost track of it: the tree is killed, and the answer follows the proof;
//   - after on_stop() nothing is started any more;
//   - a workload that ends by itself ends its tree, but not always the term: what follows is for the restart policy to
//     say, and waits while somebody has paused it. A pause between two trees ends the term like a tree does when it is
//     revoked, or when its deadlines come;
//   - hooks (supervisor/hook_options.h) are part of the tree, one at a time. With before_start the tree begins with it
//     (preparing), and the workload is started in that tree when it has passed; until then the tree is killed rather
//     than asked. before_stop, then the stop command or the signal, are within the grace period. after_stop is a tree
//     of its own (finishing), after the proof that nothing is left, while the lease is held and before the hard
//     instant; after it comes the proof again. It follows every end of a tree but the hard ones: what was killed
//     because the lease is lost, or was lost track of, or because somebody wants a stop without grace.
//
// Threads: none, not thread-safe. No I/O, no clock, never blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/time.h"
#include "supervisor/hook.h"
#include "supervisor/restart_policy.h"

namespace leasehold::supervisor {

using Term = std::uint64_t;

struct TermGrant {
    Term term = 0;
    std::uint64_t token = 0;
    std::uint64_t transitions = 0;
    Instant soft;
    Instant hard;

    friend bool operator==(const TermGrant&, const TermGrant&) = default;
};

enum class StopMode : std::uint32_t {
    orderly,  // the stop signal, then up to the grace period
    kill,     // SIGKILL now
};

// Actions.
struct StartWorkload {  // in the tree that a before_start has begun, or as a new one
    TermGrant grant;
};
struct RunHook {  // before_start and after_stop begin a tree, the others are executed beside the workload
    TermGrant grant;
    Hook hook = Hook::before_start;
};
struct KillHook {  // with its process group
    Hook hook = Hook::before_start;
    bool late = false;  // its time is over; or else what it was for is
};
struct AskToStop {};  // the stop signal to the workload's process group
struct KillTree {};   // SIGKILL to everything in the tree, again and again until it is proven empty
struct ReportEmpty {
    Term term = 0;
};
struct ReportPause {  // nothing is alive, and the term goes on
    Term term = 0;
    std::optional<Duration> start_in;  // nothing: no start will follow
};
struct EndOfWork {        // comes before the last ReportEmpty of a term that the workload itself has ended
    bool resign = false;  // another candidate is to lead; otherwise leasehold ends
};
using Action = std::variant<StartWorkload, RunHook, KillHook, AskToStop, KillTree, ReportEmpty, ReportPause, EndOfWork>;
using Actions = std::vector<Action>;

class TermMachine {
public:
    // preparing: before_start; finishing: after_stop. pausing: nothing is alive until the next start; holding: nor is
    // one to come.
    enum class Phase { idle, preparing, running, stopping, killing, finishing, pausing, holding };

    struct Settings {
        Duration grace_period;    // of an orderly stop
        Duration recheck;         // how often at least both clocks are looked at while a tree is alive
        Term closed_through = 0;  // terms up to this one are closed already
        RestartOptions restart{};
        std::uint32_t seed = 0;     // of what the restarts leave to chance
        bool stop_command = false;  // there is one, instead of the stop signal
        HookPlan hooks{};
    };

    explicit TermMachine(const Settings& settings);

    // Another configuration, from now on. A grace period that has begun stays as it is.
    void change(Duration grace_period, Duration recheck, const RestartOptions& restart, bool stop_command);

    // Likewise. REQUIRES: no tree is alive.
    void change_hooks(const HookPlan& hooks) { settings_.hooks = hooks; }

    Actions on_grant(Instant now, const TermGrant& grant);
    Actions on_revoke(Instant now, Term term, StopMode mode);

    // Leasehold ends (or the guardian is gone): stop what runs, start nothing any more.
    Actions on_stop(Instant now, StopMode mode);

    // The workload's own process ended with this status, or could not be executed. What it left behind is asked to
    // stop; when that is nothing, on_tree_empty() alone says both.
    Actions on_main_exited(Instant now, int status);

    // The workload was not executed, for lack of time. That is no end of it, but one of the term.
    Actions on_not_executed(Instant now);

    // It is ready; without workload.ready, it was executed. REQUIRES: its own process has not ended.
    Actions on_ready(Instant now);

    // What RunHook asked for: is being executed, its time runs; and has ended by itself, with status 0 or otherwise, or
    // could not be executed. What was killed is of no interest.
    void on_hook_began(Instant now, Hook hook);
    Actions on_hook_ended(Instant now, Hook hook, bool passed);

    // Somebody wants the workload to be started anew: at once, and whatever the restart policy says of an end. False
    // when there is no term to do it in, or it is ending.
    bool on_restart(Instant now, Actions& actions);

    // The workload is not healthy: it is stopped, and what follows is for the restart policy to say, or another
    // candidate is to lead. Nothing happens while it does not run, or while that is paused.
    Actions on_unhealthy(Instant now, AfterUnhealthy then);

    // Paused, nothing follows an end of the workload by itself, and no pause between two trees ends by itself, until
    // on_pause(false): the term is held. Deadlines, revocations and on_restart() are obeyed as ever.
    Actions on_pause(Instant now, bool paused);

    // Proof that nothing of the tree is alive. `status`: of the workload's own process, when that has ended. `begun`:
    // something of it was executed; otherwise it was only about to be.
    Actions on_tree_empty(Instant now, std::optional<int> status = {}, bool begun = true);

    Actions on_tick(Instant now);

    // How long until the next on_tick() is owed at the latest; nothing while idle.
    std::optional<Duration> wake(Instant now) const;

    Phase phase() const { return phase_; }
    // The workload runs in this term, or is to run in it again, or it is held without.
    bool goes_on() const;
    // While it kills: whether nobody may count on the lease any more, or on more time.
    bool kills_at_all_costs() const { return !may_finish_; }
    bool between_trees() const { return phase_ == Phase::pausing || phase_ == Phase::holding; }
    bool accepts_terms() const { return !ending_; }
    bool paused() const { return paused_; }
    std::optional<Hook> hook() const { return hook_; }  // the one that runs
    Term term() const { return grant_.term; }           // the running one, or the last
    Term closed_through() const { return closed_through_; }
    const TermGrant& grant() const { return grant_; }

private:
    Actions begin_stop(Instant now, StopMode mode);
    Actions end(Instant now, StopMode mode);
    Actions start(Instant now);
    Actions start_workload(Instant now);
    Actions run(Hook hook);
    Actions ask(Instant now);
    Actions tick(Instant now);
    Actions hook_is_over(Instant now, bool passed);
    Actions after_the_tree(Instant now);
    bool has_tree() const;
    bool is_over(Instant now) const;
    bool is_held_back() const { return paused_ && !wanted_; }
    bool will_go_on() const;
    void let_term_end();
    void decide(const RestartPolicy::Verdict& verdict);
    Actions kill(bool at_all_costs = true);
    bool has_time_to_stop(Instant now) const;
    Actions close(Term term);
    Actions disagree(Term asked);

    Settings settings_;
    Phase phase_ = Phase::idle;
    bool ending_ = false;
    Term closed_through_ = 0;
    TermGrant grant_;
    Instant kill_at_;           // while stopping: end of the grace period
    Term asked_meanwhile_ = 0;  // another term that someone asked about while a tree was alive
    bool term_ends_ = false;    // nothing is started in it any more
    RestartPolicy policy_;
    std::optional<RestartPolicy::Verdict> next_;  // what follows when the tree is gone; nothing: the end of the term
    Instant start_at_;                            // while pausing
    bool paused_ = false;
    bool wanted_ = false;                             // the start to come is somebody's wish
    std::optional<RestartPolicy::Verdict> withheld_;  // while paused: what would have followed
    std::optional<Hook> hook_;                        // that runs
    std::optional<Instant> hook_ends_at_;             // then it is killed; nothing: with the tree
    bool main_runs_ = false;                          // the workload's own process
    bool may_finish_ = false;                         // with after_stop
};

}  // namespace leasehold::supervisor
