// SPDX-License-Identifier: Apache-2.0
//
// The wall-clock times in a record. They are for people and decide nothing here; but client-go tells a renewed lease
// from a stale one by comparing records, times in whole seconds (client-go, tools/leaderelection, tryAcquireOrRenew).
// Two writes within one second, or after the wall clock was set back, must not look alike to it: it would count from
// the first of them. So the acquire time is moved on by a second for every write that the renew time does not set
// apart.
//
// Pure: the caller reads the clock.
#pragma once

#include <algorithm>
#include <cstdint>

namespace leasehold::app {

class RecordTimes {
public:
    struct Times {
        std::int64_t acquire_us = 0;
        std::int64_t renew_us = 0;
    };

    // For one write of this process; `begins_term` when it is an attempt to acquire. Unix time in microseconds.
    Times next(bool begins_term, std::int64_t now_us) {
        if (begins_term || acquired_us_ == 0) acquired_us_ = now_us;
        const std::int64_t second = now_us / kSecond;
        std::int64_t shift = 0;
        if (second == latest_second_) shift = ++shift_in_latest_;
        if (second < latest_second_) shift = highest_shift_ + 1;  // was here before, and used some
        if (second > latest_second_) {
            latest_second_ = second;
            shift_in_latest_ = 0;
        }
        highest_shift_ = std::max(highest_shift_, shift);
        return {acquired_us_ + shift * kSecond, now_us};
    }

private:
    static constexpr std::int64_t kSecond = 1'000'000;

    std::int64_t acquired_us_ = 0;
    std::int64_t latest_second_ = 0;
    std::int64_t shift_in_latest_ = 0;
    std::int64_t highest_shift_ = 0;
};

}  // namespace leasehold::app
