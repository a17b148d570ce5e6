// SPDX-License-Identifier: Apache-2.0
//
// What follows when the workload has ended by itself: start it again after a pause that grows, or give the term up.
// Plain values: no I/O, no clock; the same seed and the same history give the same answers.
//
// A run that lasted for `reset_after` makes all before it forgotten. Between two that did not, the pause doubles from
// `initial_backoff` to `max_backoff`; each is shortened by up to a fifth, so that what failed together does not come
// back together. After `give_up_after` starts again within `within`, the next end is the last.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <random>

#include "base/growing_pause.h"
#include "base/time.h"
#include "supervisor/options.h"

namespace leasehold::supervisor {

class RestartPolicy {
public:
    enum class What {
        restart,
        resign,  // another candidate is to lead
        exit,    // leasehold ends with the workload's status
        hold,    // the term goes on without a workload
    };
    struct Verdict {
        What what = What::exit;
        Duration after{};  // the pause, before a restart

        friend bool operator==(const Verdict&, const Verdict&) = default;
    };

    RestartPolicy(RestartOptions options, std::uint32_t seed)
        : options_(std::move(options)), random_(seed), pause_(options_.initial_backoff, options_.max_backoff) {}

    // From now on; what has happened is remembered.
    void change(RestartOptions options);

    // What happened in earlier ones is forgotten.
    void begin_term();

    void started(Instant now) { started_at_ = now; }

    // `status`: as an exit status, 128 + the signal included.
    Verdict ended(Instant now, int status);

    // It is to be stopped because it is not healthy. Counts like a failure, whatever the policy says of one; after the
    // last another candidate is to lead, unless `then` says otherwise.
    Verdict unhealthy(Instant now);

private:
    Verdict again(Instant now, What last);
    void forget();

    RestartOptions options_;
    std::minstd_rand random_;
    std::optional<Instant> started_at_;
    std::deque<Instant> restarts_;  // within the window, oldest first
    GrowingPause pause_;
};

}  // namespace leasehold::supervisor
