// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before something is tried again. Plain values, no clock.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace leasehold::supervisor {

// Restarts of a process: the first at once, then `initial`, doubling up to `most`; from the beginning again after a
// process that lived for `reset_after`.
class Backoff {
public:
    struct Settings {
        Duration initial = std::chrono::milliseconds(100);
        Duration most = std::chrono::seconds(5);
        Duration reset_after = std::chrono::minutes(1);
    };

    Backoff() = default;
    explicit Backoff(const Settings& settings) : settings_(settings) {}

    Duration after(Duration lifetime) {
        if (lifetime >= settings_.reset_after) next_ = Duration(0);
        const Duration wait = next_;
        next_ = next_ == Duration(0) ? settings_.initial : std::min(next_ * 2, settings_.most);
        return wait;
    }

private:
    Settings settings_;
    Duration next_{};
};

// Repeated passes over something that is expected to be over at once: every 2 ms at first, and ever more rarely, down
// to once a second, when it resists.
class KillRhythm {
public:
    void restart() {
        passes_ = 0;
        rest_ = {};
    }

    Duration next() {
        ++passes_;
        return pause();
    }

    // Until the next pass, without counting this one.
    Duration pause() const {
        if (passes_ <= kQuickPasses) return std::max<Duration>(kQuick, rest_);
        const int doublings = std::min(passes_ - kQuickPasses, 10);
        return std::max(std::min<Duration>(kQuick * (1 << doublings), std::chrono::seconds(1)), rest_);
    }

    // A pass over a large tree takes a while, and what it has killed needs the processors to die. So after each comes a
    // rest that is as long as it took, however many of the tree end meanwhile. But not for long: the pass may have
    // seemed long because this process did not run, and what it has overlooked is still alive.
    void passed(Instant began, Instant ended) {
        rest_ = std::min<Duration>(elapsed_at_most(began, ended), kLongestRest);
        rests_from_ = ended;
    }
    bool rests(Instant now) const { return elapsed_at_least(rests_from_, now) < rest_; }

    // For 40 ms, and for longer if the passes take long.
    bool is_young() const { return passes_ <= kYoungPasses; }

    bool patience_is_over() const { return passes_ > kQuickPasses; }

    // True for the passes that are worth a line in the log: the first that is no longer quick, and later every tenth.
    bool resists() const { return passes_ > kQuickPasses && (passes_ - kQuickPasses) % 10 == 1; }

private:
    static constexpr Duration kLongestRest = std::chrono::milliseconds(20);
    static constexpr Duration kQuick = std::chrono::milliseconds(2);
    static constexpr int kYoungPasses = 20;
    static constexpr int kQuickPasses = 100;
    int passes_ = 0;
    Duration rest_{};
    Instant rests_from_{};
};

}  // namespace leasehold::supervisor
