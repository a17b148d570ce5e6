// SPDX-License-Identifier: Apache-2.0
#include "supervisor/term_machine.h"

#include <algorithm>
#include <utility>

namespace leasehold::supervisor {
namespace {

void append(Actions& to, const Actions& more) { to.insert(to.end(), more.begin(), more.end()); }

// Nothing may be started in its term any more.
bool is_past(const TermGrant& grant, Instant now) {
    return reached_on_any_clock(grant.soft, now) || reached_on_any_clock(grant.hard, now);
}

}  // namespace

TermMachine::TermMachine(const Settings& settings)
    : settings_(settings), closed_through_(settings.closed_through), policy_(settings.restart, settings.seed) {}

void TermMachine::change(Duration grace_period, Duration recheck, const RestartOptions& restart, bool stop_command) {
    settings_.grace_period = grace_period;
    settings_.recheck = recheck;
    settings_.stop_command = stop_command;
    policy_.change(restart);
}

bool TermMachine::has_tree() const { return phase_ != Phase::idle && !between_trees(); }

bool TermMachine::is_over(Instant now) const { return is_past(grant_, now); }

bool TermMachine::will_go_on() const {
    using What = RestartPolicy::What;
    return next_ && (next_->what == What::restart || next_->what == What::hold);
}

bool TermMachine::goes_on() const {
    return phase_ == Phase::preparing || phase_ == Phase::running || between_trees() ||
           (phase_ != Phase::idle && will_go_on());
}

// That the workload has ended for good, and how, stands.
void TermMachine::let_term_end() {
    term_ends_ = true;
    if (will_go_on()) next_.reset();
    withheld_.reset();
}

Actions TermMachine::on_grant(Instant now, const TermGrant& grant) {
    if (phase_ != Phase::idle && grant.term != grant_.term) return disagree(grant.term);
    if (phase_ != Phase::idle) {
        // What the old deadlines asked for by now comes first: an extension that arrives late saves nothing but time.
        Actions actions = on_tick(now);
        if (goes_on()) grant_.soft = later_of(grant_.soft, grant.soft);
        grant_.hard = later_of(grant_.hard, grant.hard);
        append(actions, on_tick(now));
        return actions;
    }
    if (grant.term <= closed_through_ || is_past(grant, now) || ending_) return close(grant.term);
    grant_ = grant;
    term_ends_ = false;
    policy_.begin_term();
    return start(now);
}

Actions TermMachine::start(Instant now) {
    next_.reset();
    withheld_.reset();
    wanted_ = false;
    may_finish_ = true;
    if (!settings_.hooks.before_start) return start_workload(now);
    phase_ = Phase::preparing;
    return run(Hook::before_start);
}

Actions TermMachine::start_workload(Instant now) {
    phase_ = Phase::running;
    main_runs_ = true;
    policy_.started(now);
    return {StartWorkload{grant_}};
}

Actions TermMachine::run(Hook hook) {
    hook_ = hook;
    hook_ends_at_.reset();
    return {RunHook{grant_, hook}};
}

Actions TermMachine::on_revoke(Instant now, Term term, StopMode mode) {
    if (phase_ == Phase::idle) return close(term);
    if (term != grant_.term) return disagree(term);
    return end(now, mode);
}

Actions TermMachine::on_stop(Instant now, StopMode mode) {
    ending_ = true;
    return phase_ == Phase::idle ? Actions{} : end(now, mode);
}

// Of the term.
Actions TermMachine::end(Instant now, StopMode mode) {
    let_term_end();
    if (has_tree()) return begin_stop(now, mode);
    phase_ = Phase::idle;
    return close(grant_.term);
}

// What follows the end of the workload, now or once nothing is paused any more.
void TermMachine::decide(const RestartPolicy::Verdict& verdict) {
    next_ = paused_ ? RestartPolicy::Verdict{RestartPolicy::What::hold, {}} : verdict;
    if (paused_) withheld_ = verdict;
}

Actions TermMachine::on_main_exited(Instant now, int status) {
    main_runs_ = false;
    if (phase_ == Phase::running) {
        decide(policy_.ended(now, status));
        return begin_stop(now, StopMode::orderly);
    }
    if (phase_ != Phase::stopping || hook_ == Hook::before_stop) return {};
    if (hook_ == Hook::stop_command) {  // it has done its work
        hook_ends_at_ = now + settings_.hooks.timeout;
        return {};
    }
    // The workload's process group was asked already; whoever left that group was not.
    return {AskToStop{}};
}

Actions TermMachine::on_not_executed(Instant now) {
    main_runs_ = false;
    return end(now, StopMode::orderly);
}

Actions TermMachine::on_ready(Instant now) {
    Actions actions = on_tick(now);
    if (phase_ == Phase::running && settings_.hooks.after_start) append(actions, run(Hook::after_start));
    return actions;
}

void TermMachine::on_hook_began(Instant now, Hook hook) {
    if (hook_ == hook && hook != Hook::stop_command) hook_ends_at_ = now + settings_.hooks.timeout;
}

Actions TermMachine::on_hook_ended(Instant now, Hook hook, bool passed) {
    Actions actions = on_tick(now);
    if (hook_ == hook) append(actions, hook_is_over(now, passed));
    return actions;
}

Actions TermMachine::hook_is_over(Instant now, bool passed) {
    const Hook hook = *std::exchange(hook_, std::nullopt);
    hook_ends_at_.reset();
    switch (hook) {
        case Hook::before_start:
            if (passed) return start_workload(now);
            decide({RestartPolicy::What::resign, {}});
            return kill(false);
        case Hook::after_start: return {};
        case Hook::before_stop: return ask(now);
        case Hook::stop_command: return passed && main_runs_ ? Actions{} : Actions{AskToStop{}};
        case Hook::after_stop: return kill(false);  // what it has left behind is not to be waited for
    }
    return {};
}

bool TermMachine::on_restart(Instant now, Actions& actions) {
    actions = on_tick(now);
    if (ending_ || phase_ == Phase::idle || term_ends_) return false;
    if (!has_tree()) {
        append(actions, start(now));
        return true;
    }
    next_ = RestartPolicy::Verdict{RestartPolicy::What::restart, {}};
    withheld_.reset();
    wanted_ = true;
    if (phase_ == Phase::preparing || phase_ == Phase::running) append(actions, begin_stop(now, StopMode::orderly));
    return true;
}

Actions TermMachine::on_pause(Instant now, bool paused) {
    Actions actions = on_tick(now);
    paused_ = paused;
    if (paused) return actions;
    if (withheld_) {
        next_ = std::exchange(withheld_, std::nullopt);
        if (phase_ == Phase::holding) append(actions, after_the_tree(now));
    }
    append(actions, on_tick(now));
    return actions;
}

Actions TermMachine::on_unhealthy(Instant now, AfterUnhealthy then) {
    Actions actions = on_tick(now);
    if (phase_ != Phase::running || paused_) return actions;
    next_ = then == AfterUnhealthy::restart ? policy_.unhealthy(now)
                                            : RestartPolicy::Verdict{RestartPolicy::What::resign, {}};
    append(actions, begin_stop(now, StopMode::orderly));
    return actions;
}

Actions TermMachine::on_tree_empty(Instant now, std::optional<int> status, bool begun) {
    if (!has_tree()) return {};
    if (phase_ == Phase::running && status) decide(policy_.ended(now, *status));
    if (is_over(now)) let_term_end();
    // It has failed: what follows when it has passed is never a proof.
    const bool unprepared = phase_ == Phase::preparing && begun && !is_over(now);
    if (unprepared) decide({RestartPolicy::What::resign, {}});
    hook_.reset();
    hook_ends_at_.reset();
    main_runs_ = false;
    if (std::exchange(may_finish_, false) && begun && settings_.hooks.after_stop &&
        !reached_on_any_clock(grant_.hard, now)) {
        phase_ = Phase::finishing;
        return run(Hook::after_stop);
    }
    const Term asked = std::exchange(asked_meanwhile_, 0);
    Actions actions = after_the_tree(now);
    if (asked != 0) append(actions, close(asked));
    return actions;
}

Actions TermMachine::after_the_tree(Instant now) {
    using What = RestartPolicy::What;
    const auto next = std::exchange(next_, std::nullopt);
    if (next && next->what == What::restart) {
        phase_ = Phase::pausing;
        start_at_ = now + next->after;
        return {ReportPause{grant_.term, next->after}};
    }
    if (next && next->what == What::hold) {
        phase_ = Phase::holding;
        return {ReportPause{grant_.term, std::nullopt}};
    }
    phase_ = Phase::idle;
    Actions actions;
    if (next) actions.push_back(EndOfWork{next->what == What::resign});
    if (next && next->what == What::exit) ending_ = true;
    append(actions, close(grant_.term));
    return actions;
}

Actions TermMachine::on_tick(Instant now) {
    if (phase_ != Phase::idle && is_over(now)) let_term_end();
    Actions actions = tick(now);
    if (!hook_ || !hook_ends_at_ || !reached_on_any_clock(*hook_ends_at_, now)) return actions;
    actions.push_back(KillHook{*hook_, true});
    append(actions, hook_is_over(now, false));
    return actions;
}

// The deadlines of the tree, and of a pause.
Actions TermMachine::tick(Instant now) {
    const bool at_hard = has_tree() && reached_on_any_clock(grant_.hard, now);
    if (at_hard) return kill();
    switch (phase_) {
        case Phase::preparing:
        case Phase::running:
            if (is_over(now)) return begin_stop(now, StopMode::orderly);
            return {};
        case Phase::stopping:
            if (reached_on_any_clock(kill_at_, now)) return kill(false);
            return {};
        case Phase::pausing:
        case Phase::holding:
            if (is_over(now)) return end(now, StopMode::orderly);
            if (phase_ == Phase::pausing && !is_held_back() && reached_on_any_clock(start_at_, now)) return start(now);
            return {};
        case Phase::idle:
        case Phase::killing:
        case Phase::finishing: return {};
    }
    return {};
}

std::optional<Duration> TermMachine::wake(Instant now) const {
    if (phase_ == Phase::idle) return std::nullopt;
    Duration due = settings_.recheck;
    if (phase_ != Phase::killing) due = std::min(due, timer_for(left_on_any_clock(grant_.hard, now)));
    if (phase_ != Phase::stopping && phase_ != Phase::killing && phase_ != Phase::finishing) {
        due = std::min(due, left_on_any_clock(grant_.soft, now));
    }
    if (phase_ == Phase::stopping) due = std::min(due, left_on_any_clock(kill_at_, now));
    if (phase_ == Phase::pausing && !is_held_back()) due = std::min(due, left_on_any_clock(start_at_, now));
    if (hook_ && hook_ends_at_) due = std::min(due, left_on_any_clock(*hook_ends_at_, now));
    return std::max(due, Duration(0));
}

Actions TermMachine::begin_stop(Instant now, StopMode mode) {
    if (mode == StopMode::kill) return kill();
    switch (phase_) {
        case Phase::preparing: return kill(false);
        case Phase::running: break;
        case Phase::stopping:
        case Phase::finishing: return on_tick(now);
        default: return {};
    }
    phase_ = Phase::stopping;
    kill_at_ = now + settings_.grace_period;
    Actions actions;
    if (hook_) actions.push_back(KillHook{*std::exchange(hook_, std::nullopt), false});
    hook_ends_at_.reset();
    const bool hooked = settings_.hooks.before_stop && has_time_to_stop(now);
    append(actions, hooked ? run(Hook::before_stop) : ask(now));
    append(actions, on_tick(now));
    return actions;
}

bool TermMachine::has_time_to_stop(Instant now) const {
    return main_runs_ && !reached_on_any_clock(kill_at_, now) && !reached_on_any_clock(grant_.hard, now);
}

Actions TermMachine::ask(Instant now) {
    if (settings_.stop_command && has_time_to_stop(now)) return run(Hook::stop_command);
    return {AskToStop{}};
}

// At all costs: nobody may count on the lease any more, or on more time.
Actions TermMachine::kill(bool at_all_costs) {
    if (at_all_costs) may_finish_ = false;
    if (phase_ == Phase::killing) return {};
    phase_ = Phase::killing;
    hook_.reset();
    hook_ends_at_.reset();
    return {KillTree{}};
}

Actions TermMachine::close(Term term) {
    closed_through_ = std::max(closed_through_, term);
    return {ReportEmpty{term}};
}

Actions TermMachine::disagree(Term asked) {
    let_term_end();
    if (has_tree()) {
        asked_meanwhile_ = std::max(asked_meanwhile_, asked);
        return kill();
    }
    phase_ = Phase::idle;
    Actions actions = close(grant_.term);
    append(actions, close(asked));
    return actions;
}

}  // namespace leasehold::supervisor
