// SPDX-License-Identifier: Apache-2.0
#include "supervisor/backoff.h"

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Backoff, first_at_once_then_doubling_up_to_the_most) {
    Backoff backoff;
    EXPECT_EQ(backoff.after(seconds(1)), Duration(0));
    for (const int expected : {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
        EXPECT_EQ(backoff.after(seconds(1)), milliseconds(expected));
    }
}

TEST(Backoff, begins_anew_after_a_long_life) {
    Backoff backoff;
    for (int i = 0; i < 5; ++i) backoff.after(seconds(1));
    EXPECT_EQ(backoff.after(minutes(1)), Duration(0));
    EXPECT_EQ(backoff.after(seconds(59)), milliseconds(100));
}

TEST(KillRhythm, rests_for_as_long_as_a_pass_took) {
    constexpr auto after = [](int count) {
        const Duration passed = milliseconds(count);
        return Instant{passed, passed};
    };
    KillRhythm rhythm;
    EXPECT_FALSE(rhythm.rests(after(0)));
    rhythm.passed(after(1000), after(1015));
    EXPECT_EQ(rhythm.pause(), milliseconds(15));
    EXPECT_TRUE(rhythm.rests(after(1015)));
    EXPECT_TRUE(rhythm.rests(after(1029)));
    EXPECT_FALSE(rhythm.rests(after(1030)));
    rhythm.passed(after(1030), after(1030));
    EXPECT_FALSE(rhythm.rests(after(1030)));
    EXPECT_EQ(rhythm.pause(), milliseconds(2));
}

TEST(KillRhythm, does_not_rest_for_long_nor_because_of_another_tree) {
    constexpr auto after = [](Duration passed) { return Instant{passed, passed}; };
    KillRhythm rhythm;
    rhythm.passed(after(seconds(0)), after(minutes(1)));  // suspended meanwhile
    EXPECT_TRUE(rhythm.rests(after(minutes(1))));
    EXPECT_FALSE(rhythm.rests(after(minutes(1) + milliseconds(20))));
    EXPECT_EQ(rhythm.pause(), milliseconds(20));
    rhythm.restart();
    EXPECT_FALSE(rhythm.rests(after(minutes(1))));
    EXPECT_EQ(rhythm.pause(), milliseconds(2));
}

TEST(KillRhythm, is_quick_first_and_then_ever_slower_down_to_once_a_second) {
    KillRhythm rhythm;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(rhythm.is_young(), i <= 20);
        EXPECT_EQ(rhythm.next(), milliseconds(2));
        EXPECT_FALSE(rhythm.resists());
    }
    EXPECT_EQ(rhythm.next(), milliseconds(4));
    EXPECT_TRUE(rhythm.resists());
    EXPECT_EQ(rhythm.next(), milliseconds(8));
    EXPECT_FALSE(rhythm.resists());
    for (int i = 0; i < 20; ++i) rhythm.next();
    EXPECT_EQ(rhythm.next(), seconds(1));
    rhythm.restart();
    EXPECT_TRUE(rhythm.is_young());
    EXPECT_EQ(rhythm.next(), milliseconds(2));
}

}  // namespace
}  // namespace leasehold::supervisor
