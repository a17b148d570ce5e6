// SPDX-License-Identifier: Apache-2.0
#include "election/core/timing.h"

#include "base/duration_text.h"

namespace leasehold::election {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kShortestLease = seconds(1);
constexpr Duration kLongestLease = std::chrono::hours(24);  // nobody means to wait longer for a successor
constexpr Duration kShortestRetry = milliseconds(10);
constexpr Duration kShortestKillAllowance = milliseconds(50);
constexpr double kLargestDrift = 0.1;

// Two thirds of what the margin leaves, and a fifth of that, in round numbers: 15s/10s/2s stays what it is.
std::string working_values(const Timing& timing) {
    Timing good = timing;
    good.lease_duration = std::clamp(timing.lease_duration, kShortestLease, kLongestLease);
    while (good.margin() * 2 > good.lease_duration) good.lease_duration *= 2;
    const Duration usable = good.lease_duration - good.margin();
    const Duration step = usable > seconds(6) ? Duration(milliseconds(500)) : Duration(milliseconds(50));
    good.renew_deadline = usable * 7 / 10 / step * step;
    const Duration small = std::max<Duration>(step / 5, kShortestRetry);
    good.retry_period = good.renew_deadline / 5 / small * small;
    return "; these would work: lease_duration: " + to_text(good.lease_duration) +
           ", renew_deadline: " + to_text(good.renew_deadline) + ", retry_period: " + to_text(good.retry_period);
}

}  // namespace

Duration Timing::margin() const {
    const double drift = static_cast<double>(lease_duration.count()) * clock_drift;
    return Duration(static_cast<Duration::rep>(drift)) + kill_allowance;
}

Duration request_timeout(const Timing& timing, Duration left) {
    return std::min(left, std::max(left / 3, timing.renew_deadline / 10));
}

std::vector<TimingProblem> check(const Timing& timing) {
    std::vector<TimingProblem> problems;
    const auto add = [&](const char* key, const std::string& text) {
        problems.push_back({key, text + working_values(timing)});
    };
    if (timing.clock_drift < 0 || timing.clock_drift > kLargestDrift) {
        problems.push_back({"clock_drift", "must be between 0% and 10%"});
        return problems;
    }
    if (timing.kill_allowance < kShortestKillAllowance) {
        problems.push_back({"kill_allowance", "a kill cannot be proven that fast; kill_allowance (" +
                                                  to_text(timing.kill_allowance) + ") must be at least " +
                                                  to_text(kShortestKillAllowance)});
        return problems;
    }
    if (timing.lease_duration < kShortestLease) {
        add("lease_duration",
            "lease_duration (" + to_text(timing.lease_duration) + ") must be at least " + to_text(kShortestLease));
        return problems;
    }
    if (timing.lease_duration > kLongestLease) {
        problems.push_back({"lease_duration", "lease_duration (" + to_text(timing.lease_duration) +
                                                  ") must be at most " + to_text(kLongestLease)});
    }
    const Duration usable = timing.lease_duration - timing.margin();
    if (timing.renew_deadline >= usable) {
        add("renew_deadline", "the workload could outlive the lease: renew_deadline (" +
                                  to_text(timing.renew_deadline) +
                                  ") must be less than lease_duration - margin = " + to_text(timing.lease_duration) +
                                  " - " + to_text(timing.margin()) + " = " + to_text(usable));
    }
    if (timing.retry_period < kShortestRetry) {
        add("retry_period",
            "retry_period (" + to_text(timing.retry_period) + ") must be at least " + to_text(kShortestRetry));
    } else if (timing.renew_deadline < 2 * timing.retry_period) {
        add("retry_period", "one failed renewal would end leadership: 2 * retry_period (2 * " +
                                to_text(timing.retry_period) + ") must not exceed renew_deadline (" +
                                to_text(timing.renew_deadline) + ")");
    }
    return problems;
}

Budget budget(const Timing& timing) {
    return {.outage_tolerated = timing.renew_deadline,
            .outage_tolerated_worst = timing.renew_deadline - timing.retry_period,
            .forced_stop_time = timing.lease_duration - timing.margin() - timing.renew_deadline,
            .takeover_at_most = timing.lease_duration,
            .takeover_at_least = timing.lease_duration - timing.retry_period};
}

}  // namespace leasehold::election
