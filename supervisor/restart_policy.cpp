// SPDX-License-Identifier: Apache-2.0
#include "supervisor/restart_policy.h"

#include <algorithm>

namespace leasehold::supervisor {
namespace {

AfterTheLast usual_end(const RestartOptions& options) {
    return options.policy == RestartWhen::never ? AfterTheLast::exit : AfterTheLast::resign;
}

RestartPolicy::What what_of(AfterTheLast end) {
    switch (end) {
        case AfterTheLast::resign: return RestartPolicy::What::resign;
        case AfterTheLast::exit: return RestartPolicy::What::exit;
        case AfterTheLast::hold: return RestartPolicy::What::hold;
    }
    return RestartPolicy::What::exit;
}

}  // namespace

void RestartPolicy::change(RestartOptions options) {
    if (options == options_) return;
    options_ = std::move(options);
    pause_ = GrowingPause(options_.initial_backoff, options_.max_backoff);
}

void RestartPolicy::begin_term() {
    started_at_.reset();
    forget();
}

void RestartPolicy::forget() {
    restarts_.clear();
    pause_.reset();
}

RestartPolicy::Verdict RestartPolicy::ended(Instant now, int status) {
    const std::vector<int>& successes = options_.success_exit_codes;
    const bool success = std::find(successes.begin(), successes.end(), status) != successes.end();
    // The work is done. Whoever leads next does it again, unless nobody leads next.
    if (options_.policy == RestartWhen::on_failure && success) {
        return {options_.then == AfterTheLast::hold ? What::hold : What::exit, {}};
    }
    const What last = what_of(options_.then.value_or(usual_end(options_)));
    if (options_.policy == RestartWhen::never) return {last, {}};
    return again(now, last);
}

RestartPolicy::Verdict RestartPolicy::unhealthy(Instant now) {
    return again(now, what_of(options_.then.value_or(AfterTheLast::resign)));
}

RestartPolicy::Verdict RestartPolicy::again(Instant now, What last) {
    if (started_at_ && elapsed_at_least(*started_at_, now) >= options_.reset_after) forget();
    while (!restarts_.empty() && elapsed_at_least(restarts_.front(), now) > options_.within) restarts_.pop_front();
    const auto most = static_cast<std::size_t>(options_.give_up_after);
    if (options_.give_up_after > 0) {
        if (restarts_.size() >= most) return {last, {}};
        restarts_.push_back(now);
    }
    return {What::restart, pause_.next() * std::uniform_int_distribution<int>(80, 100)(random_) / 100};
}

}  // namespace leasehold::supervisor
