// SPDX-License-Identifier: Apache-2.0
#include "base/growing_pause.h"

#include <set>

#include <gtest/gtest.h>

namespace leasehold {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(GrowingPause, doubles_from_the_first_up_to_the_most) {
    GrowingPause pause(milliseconds(50), seconds(1));
    for (const int expected : {50, 100, 200, 400, 800, 1000, 1000}) EXPECT_EQ(pause.next(), milliseconds(expected));
    pause.reset();
    EXPECT_EQ(pause.next(), milliseconds(50));
}

TEST(GrowingPause, is_long_enough_for_what_is_asked_for) {
    GrowingPause pause(milliseconds(50), seconds(5));
    pause.at_least(seconds(1));
    EXPECT_EQ(pause.next(), seconds(2));
    pause.at_least(seconds(1));
    EXPECT_EQ(pause.next(), seconds(4)) << "it grows all the same";
    pause.at_least(Duration::max());
    EXPECT_EQ(pause.next(), seconds(5));
    pause.reset();
    pause.at_least(Duration::zero());
    EXPECT_EQ(pause.next(), milliseconds(50));
}

TEST(GrowingPause, part_of_it_is_half_of_it_to_the_whole) {
    std::set<Duration> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(part_of(seconds(1)));
    EXPECT_GE(*seen.begin(), milliseconds(500));
    EXPECT_LE(*seen.rbegin(), seconds(1));
    EXPECT_GT(seen.size(), 1U);
    EXPECT_EQ(part_of(Duration::zero()), Duration::zero());
}

TEST(GrowingPause, random_numbers_reach_both_ends) {
    std::set<int> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random_from(3, 5));
    EXPECT_EQ(seen, (std::set<int>{3, 4, 5}));
}

}  // namespace
}  // namespace leasehold
