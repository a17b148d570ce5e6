// SPDX-License-Identifier: Apache-2.0
//
// Durations and instants, as values. Nothing here reads a clock (base/clock.h does), so the pure parts of the program
// may include it.
//
// An instant is a pair of readings, one from each of two clocks, because neither is to be trusted alone: CLOCK_BOOTTIME
// counts a suspended machine but is slewed by time daemons; CLOCK_MONOTONIC_RAW is never slewed but stands still while
// the machine is suspended (clock_gettime(2)). Which of the two to believe depends on who asks:
//
//   a leader, who must stop early enough, believes the clock by which MORE time has passed;
//   a standby, who must not start too early, believes the clock by which LESS time has passed.
//
// There is deliberately no operator< on Instant: every comparison has to say whose view it takes.
#pragma once

#include <algorithm>
#include <chrono>

namespace leasehold {

using Duration = std::chrono::nanoseconds;

// The same moment on two clocks. Readings of different boots of a machine must not be mixed.
struct Instant {
    Duration boot{};  // CLOCK_BOOTTIME
    Duration raw{};   // CLOCK_MONOTONIC_RAW

    friend bool operator==(const Instant&, const Instant&) = default;
};

constexpr Instant operator+(Instant at, Duration length) { return {at.boot + length, at.raw + length}; }

// The leader's view: the most that can have passed between two instants.
constexpr Duration elapsed_at_most(Instant from, Instant to) {
    return std::max(to.boot - from.boot, to.raw - from.raw);
}

// The standby's view: the least that must have passed between two instants.
constexpr Duration elapsed_at_least(Instant from, Instant to) {
    return std::min(to.boot - from.boot, to.raw - from.raw);
}

// The leader's view of a deadline: reached as soon as either clock says so.
constexpr bool reached_on_any_clock(Instant deadline, Instant now) {
    return now.boot >= deadline.boot || now.raw >= deadline.raw;
}

// The standby's view of a deadline: reached only when both clocks say so.
constexpr bool reached_on_both_clocks(Instant deadline, Instant now) {
    return now.boot >= deadline.boot && now.raw >= deadline.raw;
}

// What is left before a deadline in the leader's view; negative once it has passed.
constexpr Duration left_on_any_clock(Instant deadline, Instant now) {
    return std::min(deadline.boot - now.boot, deadline.raw - now.raw);
}

// What is left before a deadline in the standby's view; negative once it has passed.
constexpr Duration left_on_both_clocks(Instant deadline, Instant now) {
    return std::max(deadline.boot - now.boot, deadline.raw - now.raw);
}

// For how long to set a timer when `left` is left before a deadline: timers run on one clock, and the other one may be
// ahead of it by 8 %, so that it is looked at once more shortly before.
constexpr Duration timer_for(Duration left) { return left > std::chrono::milliseconds(2) ? left - left / 8 : left; }

// For each clock the later (or earlier) of two deadlines.
constexpr Instant later_of(Instant a, Instant b) { return {std::max(a.boot, b.boot), std::max(a.raw, b.raw)}; }
constexpr Instant earlier_of(Instant a, Instant b) { return {std::min(a.boot, b.boot), std::min(a.raw, b.raw)}; }

}  // namespace leasehold
