// SPDX-License-Identifier: Apache-2.0
#include "supervisor/restart_policy.h"

#include <algorithm>

namespace leasehold::supervisor {
namespace {

RestartPolicy::What what_then(const RestartOptions& options) {
    const AfterTheLast usual = options.policy == RestartWhen::never ? AfterTheLast::exit : AfterTheLast::resign;
    switch (options.then.value_or(usual)) {
        case AfterTheLast::resign: return RestartPolicy::What::resign;
        case AfterTheLast::exit: return RestartPolicy::What::exit;
        case AfterTheLast::hold: return RestartPolicy::What::hold;
    }
    return RestartPolicy::What::exit;
}

}  // namespace

void RestartPolicy::begin_term() {
    started_at_.reset();
    restarts_.clear();
    pause_ = {};
}

RestartPolicy::Verdict RestartPolicy::ended(Instant now, int status) {
    const std::vector<int>& successes = options_.success_exit_codes;
    const bool success = std::find(successes.begin(), successes.end(), status) != successes.end();
    // The work is done. Whoever leads next does it again, unless nobody leads next.
    if (options_.policy == RestartWhen::on_failure && success) {
        return {options_.then == AfterTheLast::hold ? What::hold : What::exit, {}};
    }
    if (options_.policy == RestartWhen::never) return {what_then(options_), {}};

    if (started_at_ && elapsed_at_least(*started_at_, now) >= options_.reset_after) {
        restarts_.clear();
        pause_ = {};
    }
    while (!restarts_.empty() && elapsed_at_least(restarts_.front(), now) > options_.within) restarts_.pop_front();
    const auto most = static_cast<std::size_t>(options_.give_up_after);
    if (options_.give_up_after > 0) {
        if (restarts_.size() >= most) return {what_then(options_), {}};
        restarts_.push_back(now);
    }
    return {What::restart, next_pause()};
}

Duration RestartPolicy::next_pause() {
    pause_ = pause_ == Duration::zero() ? options_.initial_backoff : std::min(pause_ * 2, options_.max_backoff);
    return pause_ * std::uniform_int_distribution<int>(80, 100)(random_) / 100;
}

}  // namespace leasehold::supervisor
