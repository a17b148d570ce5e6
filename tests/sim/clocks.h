// SPDX-License-Identifier: Apache-2.0
//
// The two clocks of one candidate. What is assumed of them (docs/election.md): there is one of the two that, for the
// whole run, is never wrong by more than half of the drift that the margin covers. That is what the proof needs: the
// leader's faster clock is then at most that much slower than true time, the standby's slower clock at most that much
// faster, and the margin covers both together. The other clock may be slewed by up to 8 % either way, and where the
// good one is BOOTTIME, MONOTONIC_RAW may stand still for a while (suspend).
#pragma once

#include "base/time.h"
#include "tests/sim/scheduler.h"

namespace leasehold::sim {

class Clocks {
public:
    // Rates are in parts per million away from true time.
    Clocks(Instant reading, std::int64_t boot_ppm, std::int64_t raw_ppm)
        : at_start_(reading), boot_ppm_(boot_ppm), raw_ppm_(raw_ppm) {}

    Instant at(TrueTime now) const {
        const Duration passed = now - since_;
        return {at_start_.boot + at_rate(passed, boot_ppm_),
                at_start_.raw + (suspended_ ? Duration{} : at_rate(passed, raw_ppm_))};
    }

    void set_rates(TrueTime now, std::int64_t boot_ppm, std::int64_t raw_ppm) {
        rebase(now);
        boot_ppm_ = boot_ppm;
        raw_ppm_ = raw_ppm;
    }

    void suspend(TrueTime now, bool suspended) {
        rebase(now);
        suspended_ = suspended;
    }

    // How long it truly takes, at the present rate, until BOOTTIME has moved on by `length`: timers are set on it.
    Duration true_length(Duration length) const {
        const std::int64_t rate = kMillion + boot_ppm_;
        return Duration{length.count() / rate * kMillion + length.count() % rate * kMillion / rate + 1};
    }

private:
    static constexpr std::int64_t kMillion = 1'000'000;

    static Duration at_rate(Duration passed, std::int64_t ppm) {
        const std::int64_t whole = passed.count() / kMillion;
        const std::int64_t rest = passed.count() % kMillion;
        return passed + Duration{whole * ppm + rest * ppm / kMillion};
    }
    void rebase(TrueTime now) {
        at_start_ = at(now);
        since_ = now;
    }

    TrueTime since_{};
    Instant at_start_;
    std::int64_t boot_ppm_;
    std::int64_t raw_ppm_;
    bool suspended_ = false;
};

}  // namespace leasehold::sim
