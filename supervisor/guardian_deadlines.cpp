// SPDX-License-Identifier: Apache-2.0
//
// What the guardian does by itself: the hard instant, what a dead supervisor left, and ends that do not come.
#include <csignal>

#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/capabilities.h"
#include "supervisor/enforcement.h"
#include "supervisor/guardian.h"
#include "supervisor/process_tree.h"
#include "supervisor/terminal.h"

namespace leasehold::supervisor {
namespace {

constexpr int kFailed = 125;
constexpr Duration kKillAgain = std::chrono::milliseconds(2);
constexpr Duration kSupervisorsDelay = std::chrono::seconds(2);  // past the end of a stop
constexpr Duration kShortestQuiet = std::chrono::seconds(5);
constexpr int kRechecksOfALease = 20;
constexpr int kSilentLeases = 2;
constexpr Duration kShortestSilence = std::chrono::seconds(5);

}  // namespace

void Guardian::look_at_page() {
    page_timer_->arm_in(spec_.recheck);  // first of all: what follows may run out of memory
    const Instant at = now();
    Duration wait = spec_.recheck;
    if (page_->populated() && supervisor_.alive() && deadlines_are_enforced()) {
        wait = std::min(wait, enforce_hard_instant(at));
    } else {
        overdue_since_.reset();
    }
    listen_for_the_agent(at);
    if (ending_) end_what_does_not_end(at);
    page_timer_->arm_in(wait);
}

// Kills the tree at the hard instant, as the supervisor does by itself. When it is not said to be empty soon after, the
// supervisor does not work: it goes too, and the tree is the guardian's to empty and prove. Returns when to look again.
Duration Guardian::enforce_hard_instant(Instant at) {
    const Duration left = left_on_any_clock(page_->grant().hard, at);
    if (left > Duration(0)) {
        overdue_since_.reset();
        return timer_for(left);
    }
    const bool first = !overdue_since_;
    if (first) overdue_since_ = at;
    if (elapsed_at_most(*overdue_since_, at) < spec_.kill_allowance / 3) {
        containment_->kill_pass(supervisor_.process.pid, {}, Sweep::everywhere);
        if (first) {
            log::warn("term {}: the hard instant has come and the workload's tree is alive; the guardian kills it",
                      page_->grant().term);
        }
        return kKillAgain;
    }
    kill_role(supervisor_);
    log::error("the supervisor does not report an empty tree; the guardian kills it");
    return spec_.recheck;
}

// A supervisor that works has killed the tree by the end of the grace period, and what followed by the end of its time.
// One that is stopped or hung has not, while the agent may go on renewing for ever.
void Guardian::end_a_stop_that_takes_too_long(Instant at) {
    const Duration longest = stop_signals_ > 1 ? Duration(0) : std::max(longest_stop_, longest_stop(spec_.workload));
    if (elapsed_at_least(asked_to_stop_at_, at) < longest + kSupervisorsDelay) return;
    kill_role(supervisor_);
    log::error("the supervisor does not stop the workload; the guardian kills it");
}

// An agent that is stopped or hung has lost its term by the deadlines, and would be a candidate in name only. Only time
// in which the guardian itself ran is counted: after a stop of everything the agent gets its chance to go on.
void Guardian::listen_for_the_agent(Instant at) {
    const Duration since_last_look = elapsed_at_least(std::exchange(last_look_, at), at);
    const std::uint64_t beats = page_->beats();
    const bool silent = agent_.alive() && beats == std::exchange(last_beats_, beats);
    silent_for_ = silent ? silent_for_ + std::min(since_last_look, spec_.recheck) : Duration(0);
    if (silent_for_ < std::max<Duration>(kSilentLeases * kRechecksOfALease * spec_.recheck, kShortestSilence)) return;
    silent_for_ = {};
    kill_role(agent_);
    log::error("the agent does not go on, not even past the end of its term; the guardian kills it");
}

// While leasehold ends and no tree is alive: whoever still has not ended after a whole lease has nothing to release any
// more, and is stopped or hung.
void Guardian::end_what_does_not_end(Instant at) {
    if (something_runs() && supervisor_.alive()) end_a_stop_that_takes_too_long(at);
    if (something_runs() || emptying_) return quiet_since_.reset();
    if (!quiet_since_) quiet_since_ = at;
    if (elapsed_at_least(*quiet_since_, at) < std::max(kRechecksOfALease * spec_.recheck, kShortestQuiet)) return;
    if (agent_.alive()) {
        log::error("the agent does not end; it is killed, and its lease, if it has one, runs out");
        finish();
        kill_role(agent_);
    } else if (finished_ && supervisor_.alive()) {
        log::error("the supervisor does not end; it is killed");
        kill_role(supervisor_);
    }
}

// The supervisor is dead, so everything it had below it is below the guardian now.
void Guardian::begin_emptying() {
    emptying_ = true;
    if (!finished_) tell(agent_, SupervisorGoneMessage{});
    if (reloader_.alive()) reload();  // not now
    kill_rhythm_.restart();
    continue_emptying();
}

void Guardian::continue_emptying() {
    if (!emptying_) return;
    kill_timer_->arm_in(kill_rhythm_.pause());  // first of all: what follows may run out of memory
    if (!containment_->empty(reap_orphans())) {
        if (!children_can_be_listed()) {  // then ECHILD is the only proof there is
            kill_role(agent_);
            if (output_) output_->stand_aside();
        }
        const Instant began = now();
        if (kill_rhythm_.rests(began)) return;
        containment_->kill_pass(getpid(), not_of_the_tree(), Sweep::everywhere);
        kill_rhythm_.passed(began, now());
        return;
    }
    emptying_ = false;
    kill_timer_->disarm();
    if (output_) {
        output_->tree_has_ended();
        output_->start();
    }
    page_->close_through(page_->grant().term);
    page_->set_populated(false);
    page_->set_standby_populated(false);
    Terminal::of(getpgrp()).take_back();
    log::info("nothing is left of what the dead supervisor had started");
    if (finished_) return end_if_nothing_is_left();
    tell(agent_, TreeEmptiedMessage{page_->closed_through()});
    // Also while leasehold ends: it starts nothing then, but an agent that was restarted waits for it to release.
    supervisor_.restart->arm_in(supervisor_wait_);
}

void Guardian::kill_again() {
    kill_rhythm_.next();
    continue_emptying();
    if (!emptying_ || !kill_rhythm_.resists()) return;
    tell(agent_, ResistsMessage{page_->grant().term});
    log::error(
        "something that the supervisor left cannot be killed (uninterruptible sleep, or a process that leasehold may "
        "not signal); the lease is not released over it; trying on. It is {}",
        describe_descendants(getpid(), not_of_the_tree()));
}

int guardian_main(const std::vector<std::string>& arguments) {
    take_signals();
    auto parsed = parse_role_arguments(arguments);
    if (!parsed) {
        log::error("{}", parsed.error().message);
        return kFailed;
    }
    return run_guardian(std::move(*parsed), {});
}

int run_guardian(RoleArguments arguments, FirstRoles first) {
    prctl(PR_SET_NAME, "lease-guardian");
    take_signals();
    log::init(arguments.spec.logging, "guardian");
    protect_guardian(arguments.spec.protection);
    lay_down_as_supervising(arguments.spec.containment.method == ContainmentMethod::pid_namespace);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        log::error("cannot become a subreaper: {}", std::generic_category().message(errno));
        return kFailed;
    }
    auto guardian = Guardian::create(std::move(arguments), std::move(first));
    if (!guardian) {
        log::error("{}", guardian.error().message);
        return kFailed;
    }
    return (*guardian)->run();
}

}  // namespace leasehold::supervisor
