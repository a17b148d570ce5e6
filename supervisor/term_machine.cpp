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

void TermMachine::change(Duration grace_period, Duration recheck, const RestartOptions& restart) {
    settings_.grace_period = grace_period;
    settings_.recheck = recheck;
    policy_.change(restart);
}

bool TermMachine::has_tree() const {
    return phase_ == Phase::running || phase_ == Phase::stopping || phase_ == Phase::killing;
}

bool TermMachine::is_over(Instant now) const { return is_past(grant_, now); }

bool TermMachine::will_go_on() const {
    using What = RestartPolicy::What;
    return next_ && (next_->what == What::restart || next_->what == What::hold);
}

bool TermMachine::goes_on() const {
    return phase_ == Phase::running || between_trees() || (phase_ != Phase::idle && will_go_on());
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
    phase_ = Phase::running;
    next_.reset();
    withheld_.reset();
    wanted_ = false;
    policy_.started(now);
    return {StartWorkload{grant_}};
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
    if (phase_ == Phase::running) {
        decide(policy_.ended(now, status));
        return begin_stop(now, StopMode::orderly);
    }
    // The workload's process group was asked already; whoever left that group was not.
    return phase_ == Phase::stopping ? Actions{AskToStop{}} : Actions{};
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
    if (phase_ == Phase::running) append(actions, begin_stop(now, StopMode::orderly));
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

Actions TermMachine::on_tree_empty(Instant now, std::optional<int> status) {
    if (!has_tree()) return {};
    if (phase_ == Phase::running && status) decide(policy_.ended(now, *status));
    if (is_over(now)) let_term_end();
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
    const bool at_hard = reached_on_any_clock(grant_.hard, now);
    if (phase_ != Phase::idle && is_over(now)) let_term_end();
    switch (phase_) {
        case Phase::running:
            if (at_hard) return kill();
            if (is_over(now)) return begin_stop(now, StopMode::orderly);
            return {};
        case Phase::stopping:
            if (at_hard || reached_on_any_clock(kill_at_, now)) return kill();
            return {};
        case Phase::pausing:
        case Phase::holding:
            if (is_over(now)) return end(now, StopMode::orderly);
            if (phase_ == Phase::pausing && !is_held_back() && reached_on_any_clock(start_at_, now)) return start(now);
            return {};
        case Phase::idle:
        case Phase::killing: return {};
    }
    return {};
}

std::optional<Duration> TermMachine::wake(Instant now) const {
    if (phase_ == Phase::idle) return std::nullopt;
    Duration due = settings_.recheck;
    if (phase_ != Phase::killing) due = std::min(due, timer_for(left_on_any_clock(grant_.hard, now)));
    if (phase_ != Phase::stopping && phase_ != Phase::killing) {
        due = std::min(due, left_on_any_clock(grant_.soft, now));
    }
    if (phase_ == Phase::stopping) due = std::min(due, left_on_any_clock(kill_at_, now));
    if (phase_ == Phase::pausing && !is_held_back()) due = std::min(due, left_on_any_clock(start_at_, now));
    return std::max(due, Duration(0));
}

Actions TermMachine::begin_stop(Instant now, StopMode mode) {
    if (phase_ == Phase::killing) return {};
    if (mode == StopMode::kill) return kill();
    if (phase_ == Phase::stopping) return on_tick(now);
    phase_ = Phase::stopping;
    kill_at_ = now + settings_.grace_period;
    Actions actions{AskToStop{}};
    append(actions, on_tick(now));
    return actions;
}

Actions TermMachine::kill() {
    if (phase_ == Phase::killing) return {};
    phase_ = Phase::killing;
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
