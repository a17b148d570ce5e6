// SPDX-License-Identifier: Apache-2.0
#include "supervisor/standby_machine.h"

#include <algorithm>
#include <utility>

namespace leasehold::supervisor {
namespace {

// Nobody takes its place here, so it is never given up.
RestartOptions for_ever(RestartOptions options) {
    options.policy = RestartWhen::always;
    options.give_up_after = 0;
    return options;
}

}  // namespace

StandbyMachine::StandbyMachine(const RestartOptions& restart, Duration grace_period, std::uint32_t seed)
    : policy_(for_ever(restart), seed), grace_period_(grace_period) {}

void StandbyMachine::change(const RestartOptions& restart, Duration grace_period) {
    policy_.change(for_ever(restart));
    grace_period_ = grace_period;
}

bool StandbyMachine::may_start(Instant now) const {
    if (paused_ && ended_by_itself_) return false;
    return !start_at_ || reached_on_any_clock(*start_at_, now);
}

StandbyMachine::Act StandbyMachine::next(Instant now, Want want) {
    if (phase_ != Phase::absent && phase_ != Phase::killing && hurried_) {
        phase_ = Phase::killing;
        return Act::kill;
    }
    switch (phase_) {
        case Phase::absent:
            if (want == Want::leave) {  // what comes after that begins afresh
                ended_by_itself_ = false;
                start_at_.reset();
            }
            if (want != Want::run || !may_start(now)) return Act::nothing;
            phase_ = Phase::running;
            command_ = true;
            ended_by_itself_ = false;
            policy_.started(now);
            return Act::start;
        case Phase::helping:
            if (want != Want::leave) return Act::nothing;
            hurried_ = true;  // one that does not die of being withdrawn is to be killed, and told of
            return Act::dismiss;
        case Phase::running:
            if (want != Want::leave && !anew_) return Act::nothing;
            phase_ = Phase::stopping;
            kill_at_ = now + grace_period_;
            start_at_.reset();
            return Act::ask_to_stop;
        case Phase::stopping:
            if (std::exchange(ask_again_, false)) return Act::ask_to_stop;
            if (!reached_on_any_clock(kill_at_, now)) return Act::nothing;
            phase_ = Phase::killing;
            return Act::kill;
        case Phase::killing: return Act::nothing;
    }
    return Act::nothing;
}

void StandbyMachine::on_main_ended(Instant now) {
    if (phase_ == Phase::helping) {
        hurried_ = true;
    } else if (phase_ == Phase::running) {
        phase_ = Phase::stopping;
        kill_at_ = now + grace_period_;
        ended_by_itself_ = true;
        start_at_ = now + policy_.ended(now, 0).after;
        ask_again_ = true;
    } else if (phase_ == Phase::stopping) {
        ask_again_ = true;
    }
}

void StandbyMachine::on_empty() {
    phase_ = Phase::absent;
    command_ = ask_again_ = anew_ = hurried_ = false;
}

void StandbyMachine::on_restart(Instant now) {
    if (phase_ == Phase::running) {
        anew_ = true;
        return;
    }
    start_at_ = now;
    ended_by_itself_ = false;
}

std::optional<Duration> StandbyMachine::wake(Instant now, Want want) const {
    if (hurried_ && phase_ != Phase::killing) return Duration(0);
    if (phase_ == Phase::stopping) return std::max(left_on_any_clock(kill_at_, now), Duration(0));
    const auto start = starts_in(now);
    return want == Want::run ? start : std::nullopt;
}

std::optional<Duration> StandbyMachine::starts_in(Instant now) const {
    if (phase_ != Phase::absent || (paused_ && ended_by_itself_)) return std::nullopt;
    return start_at_ ? std::max(left_on_any_clock(*start_at_, now), Duration(0)) : Duration(0);
}

}  // namespace leasehold::supervisor
