// SPDX-License-Identifier: Apache-2.0
#include "supervisor/probe_judge.h"

#include <algorithm>

namespace leasehold::supervisor {
namespace {

// An outcome that comes later than this after the timeout was not waited for all the time.
Duration patience(Duration timeout) { return std::max<Duration>(timeout / 2, std::chrono::seconds(1)); }

}  // namespace

ProbeJudge::ProbeJudge(const ProbeOptions& options, std::uint32_t seed) : options_(options), random_(seed) {}

void ProbeJudge::begin(Instant now) {
    end();
    next_ = now + options_.initial_delay;
}

void ProbeJudge::end() {
    next_.reset();
    started_at_.reset();
    state_ = State::unknown;
    failures_ = passes_ = 0;
}

bool ProbeJudge::due(Instant now) const { return next_ && !started_at_ && reached_on_both_clocks(*next_, now); }

void ProbeJudge::started(Instant now) {
    started_at_ = now;
    next_ = now + options_.interval * std::uniform_int_distribution<int>(95, 105)(random_) / 100;
}

bool ProbeJudge::overdue(Instant now) const {
    return started_at_ && reached_on_any_clock(*started_at_ + options_.timeout, now);
}

bool ProbeJudge::ended(Instant now, bool passed) {
    if (!started_at_) return false;
    const Duration took = elapsed_at_most(*started_at_, now);
    started_at_.reset();
    if (!passed && took > options_.timeout + patience(options_.timeout)) return false;
    failures_ = passed ? 0 : failures_ + 1;
    passes_ = passed ? passes_ + 1 : 0;
    if (failures_ >= options_.failure_threshold) state_ = State::failing;
    if (passes_ >= options_.success_threshold) state_ = State::passing;
    return true;
}

void ProbeJudge::withdrawn() { started_at_.reset(); }

std::optional<Duration> ProbeJudge::wake(Instant now) const {
    if (!next_) return std::nullopt;
    const Duration left =
        started_at_ ? left_on_any_clock(*started_at_ + options_.timeout, now) : left_on_both_clocks(*next_, now);
    return std::max(left, Duration(0));
}

}  // namespace leasehold::supervisor
