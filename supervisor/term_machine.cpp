// SPDX-License-Identifier: Apache-2.0
#include "supervisor/term_machine.h"

#include <algorithm>
#include <utility>

namespace leasehold::supervisor {
namespace {

void append(Actions& to, const Actions& more) { to.insert(to.end(), more.begin(), more.end()); }

}  // namespace

TermMachine::TermMachine(const Settings& settings) : settings_(settings), closed_through_(settings.closed_through) {}

Actions TermMachine::on_grant(Instant now, const TermGrant& grant) {
    if (phase_ != Phase::idle && grant.term != grant_.term) return disagree(grant.term);
    if (phase_ != Phase::idle) {
        // What the old deadlines asked for by now comes first: an extension that arrives late saves nothing but time.
        Actions actions = on_tick(now);
        if (phase_ == Phase::running) grant_.soft = later_of(grant_.soft, grant.soft);
        grant_.hard = later_of(grant_.hard, grant.hard);
        append(actions, on_tick(now));
        return actions;
    }
    const bool late = reached_on_any_clock(grant.soft, now) || reached_on_any_clock(grant.hard, now);
    if (grant.term <= closed_through_ || late || ending_) return close(grant.term);
    grant_ = grant;
    phase_ = Phase::running;
    return {StartWorkload{grant}};
}

Actions TermMachine::on_revoke(Instant now, Term term, StopMode mode) {
    if (phase_ == Phase::idle) return close(term);
    if (term != grant_.term) return disagree(term);
    return begin_stop(now, mode);
}

Actions TermMachine::on_stop(Instant now, StopMode mode) {
    ending_ = true;
    return phase_ == Phase::idle ? Actions{} : begin_stop(now, mode);
}

Actions TermMachine::on_main_exited(Instant now) {
    if (phase_ == Phase::running) return begin_stop(now, StopMode::orderly);
    // The workload's process group was asked already; whoever left that group was not.
    return phase_ == Phase::stopping ? Actions{AskToStop{}} : Actions{};
}

Actions TermMachine::on_tree_empty(Instant) {
    if (phase_ == Phase::idle) return {};
    phase_ = Phase::idle;
    Actions actions = close(grant_.term);
    const Term asked = std::exchange(asked_meanwhile_, 0);
    if (asked != 0) append(actions, close(asked));
    return actions;
}

Actions TermMachine::on_tick(Instant now) {
    const bool at_hard = reached_on_any_clock(grant_.hard, now);
    switch (phase_) {
        case Phase::running:
            if (at_hard) return kill();
            if (reached_on_any_clock(grant_.soft, now)) return begin_stop(now, StopMode::orderly);
            return {};
        case Phase::stopping:
            if (at_hard || reached_on_any_clock(kill_at_, now)) return kill();
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
    if (phase_ == Phase::running) due = std::min(due, left_on_any_clock(grant_.soft, now));
    if (phase_ == Phase::stopping) due = std::min(due, left_on_any_clock(kill_at_, now));
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
    asked_meanwhile_ = std::max(asked_meanwhile_, asked);
    return kill();
}

}  // namespace leasehold::supervisor
