// SPDX-License-Identifier: Apache-2.0
#include "base/log_repeats.h"

#include <gtest/gtest.h>

namespace leasehold::log {
namespace {

using std::chrono::seconds;

TEST(Repeats, AreToldOnceAndCounted) {
    Repeats repeats;
    EXPECT_EQ(repeats.take(seconds(0), 1, "a"), 0U);
    EXPECT_EQ(repeats.take(seconds(1), 1, "a"), std::nullopt);
    EXPECT_EQ(repeats.take(seconds(9), 1, "a"), std::nullopt);
    EXPECT_EQ(repeats.take(seconds(10), 1, "a"), 2U) << "it goes on";
    EXPECT_EQ(repeats.take(seconds(11), 1, "a"), std::nullopt);
}

TEST(Repeats, AnotherTextOrKindIsAnotherLine) {
    Repeats repeats;
    EXPECT_EQ(repeats.take(seconds(0), 1, "a"), 0U);
    EXPECT_EQ(repeats.take(seconds(0), 2, "a"), 0U);
    EXPECT_EQ(repeats.take(seconds(0), 1, "b"), 0U);
    EXPECT_EQ(repeats.take(seconds(1), 1, "a"), std::nullopt) << "the others came between";
}

TEST(Repeats, ThatStopAreToldOfOnce) {
    Repeats repeats;
    repeats.take(seconds(0), 1, "a");
    repeats.take(seconds(1), 1, "a");
    repeats.take(seconds(1), 1, "once");
    EXPECT_TRUE(repeats.settle(seconds(9)).empty());
    const std::vector<Repeats::Line> told = repeats.settle(seconds(10));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0], (Repeats::Line{1, "a", seconds(0), 1}));
    EXPECT_TRUE(repeats.settle(seconds(60)).empty());
    EXPECT_EQ(repeats.take(seconds(61), 1, "a"), 0U);
}

TEST(Repeats, AtTheEndAllAreToldOf) {
    Repeats repeats;
    EXPECT_TRUE(repeats.settle_all().empty());
    repeats.take(seconds(0), 1, "a");
    repeats.take(seconds(1), 1, "b");
    repeats.take(seconds(1), 1, "b");
    ASSERT_EQ(repeats.settle_all().size(), 1U);
    EXPECT_TRUE(repeats.settle_all().empty());
}

TEST(Repeats, ManyDifferentLinesCostNoMemoryAndNoCountIsLost) {
    Repeats repeats;
    repeats.take(seconds(0), 1, "a");
    repeats.take(seconds(0), 1, "a");
    for (std::size_t i = 0; i < Repeats::kRemembered; ++i) repeats.take(seconds(1), 1, std::to_string(i));
    const std::vector<Repeats::Line> told = repeats.settle(seconds(1));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].text, "a");
    EXPECT_EQ(repeats.take(seconds(1), 1, "a"), 0U) << "forgotten, so told";
}

}  // namespace
}  // namespace leasehold::log
