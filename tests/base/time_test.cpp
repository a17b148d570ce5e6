// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace leasehold {
namespace {

using std::chrono::seconds;

constexpr Instant at(int boot, int raw) { return {seconds(boot), seconds(raw)}; }

// A machine that was suspended: the boot clock counted 9 seconds more.
constexpr Instant kFrom = at(100, 50);
constexpr Instant kSuspended = at(110, 51);
// A machine whose boot clock was slewed: the raw clock counted a second more.
constexpr Instant kSlewed = at(109, 60);

TEST(TwoClocks, a_leader_counts_the_most_that_can_have_passed) {
    EXPECT_EQ(elapsed_at_most(kFrom, kSuspended), seconds(10));
    EXPECT_EQ(elapsed_at_most(kFrom, kSlewed), seconds(10));
}

TEST(TwoClocks, a_standby_counts_the_least_that_must_have_passed) {
    EXPECT_EQ(elapsed_at_least(kFrom, kSuspended), seconds(1));
    EXPECT_EQ(elapsed_at_least(kFrom, kSlewed), seconds(9));
}

TEST(TwoClocks, a_deadline_is_reached_on_any_clock_or_on_both) {
    const Instant deadline = kFrom + seconds(10);  // 110, 60
    EXPECT_TRUE(reached_on_any_clock(deadline, kSuspended));
    EXPECT_TRUE(reached_on_any_clock(deadline, kSlewed));
    EXPECT_FALSE(reached_on_any_clock(deadline, at(109, 59)));
    EXPECT_FALSE(reached_on_both_clocks(deadline, kSuspended));
    EXPECT_FALSE(reached_on_both_clocks(deadline, kSlewed));
    EXPECT_TRUE(reached_on_both_clocks(deadline, at(110, 60)));
}

TEST(TwoClocks, what_is_left_is_negative_once_the_deadline_has_passed) {
    const Instant deadline = kFrom + seconds(10);
    EXPECT_EQ(left_on_any_clock(deadline, kSuspended), seconds(0));
    EXPECT_EQ(left_on_both_clocks(deadline, kSuspended), seconds(9));
    EXPECT_EQ(left_on_any_clock(deadline, at(113, 61)), -seconds(3));
    EXPECT_EQ(left_on_both_clocks(deadline, at(113, 61)), -seconds(1));
}

TEST(TwoClocks, later_and_earlier_are_chosen_for_each_clock) {
    EXPECT_EQ(later_of(kSuspended, kSlewed), at(110, 60));
    EXPECT_EQ(earlier_of(kSuspended, kSlewed), at(109, 51));
}

TEST(Clock, goes_forward_on_both_clocks) {
    const Instant before = now();
    while (now().boot == before.boot || now().raw == before.raw) {
    }
    const Instant after = now();
    EXPECT_GT(after.boot, before.boot);
    EXPECT_GT(after.raw, before.raw);
}

}  // namespace
}  // namespace leasehold
