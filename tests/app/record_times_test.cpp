// SPDX-License-Identifier: Apache-2.0
#include "app/record_times.h"

#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace leasehold::app {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kStart = 1'700'000'000 * kSecond;

// What client-go compares.
using Seen = std::pair<std::int64_t, std::int64_t>;
Seen seen(const RecordTimes::Times& times) { return {times.acquire_us / kSecond, times.renew_us / kSecond}; }

TEST(RecordTimes, TellWhenTheTermBeganAndWhenItWasRenewed) {
    RecordTimes times;
    const auto first = times.next(true, kStart + 250'000);
    EXPECT_EQ(first.acquire_us, kStart + 250'000);
    EXPECT_EQ(first.renew_us, kStart + 250'000);
    const auto second = times.next(false, kStart + 2 * kSecond);
    EXPECT_EQ(second.acquire_us, kStart + 250'000);
    EXPECT_EQ(second.renew_us, kStart + 2 * kSecond);
}

TEST(RecordTimes, NoTwoWritesLookAlikeInWholeSeconds) {
    RecordTimes times;
    std::set<Seen> all;
    std::vector<std::int64_t> instants;
    for (int i = 0; i < 50; ++i) instants.push_back(kStart + i * 300'000);             // several in a second
    for (int i = 0; i < 50; ++i) instants.push_back(kStart + i * 300'000);             // the clock set back by 15 s
    for (int i = 0; i < 50; ++i) instants.push_back(kStart + kSecond * 3600 + i * 2);  // and far ahead
    for (int i = 0; i < 50; ++i) instants.push_back(kStart - kSecond * 3600 + i * 2);  // and far back
    for (const std::int64_t now : instants) EXPECT_TRUE(all.insert(seen(times.next(all.empty(), now))).second);
}

TEST(RecordTimes, ANewTermWithinTheSameSecondLooksNew) {
    RecordTimes times;
    const auto first = times.next(true, kStart);
    const auto release = times.next(false, kStart + 100'000);
    const auto again = times.next(true, kStart + 200'000);
    EXPECT_NE(seen(first), seen(release));
    EXPECT_NE(seen(first), seen(again));
    EXPECT_NE(seen(release), seen(again));
}

TEST(RecordTimes, TheyStayNearTheTruth) {
    RecordTimes times;
    times.next(true, kStart);
    for (int i = 1; i < 1000; ++i) {  // a renewal every 0.7 s
        const std::int64_t now = kStart + i * 700'000;
        const auto made = times.next(false, now);
        EXPECT_EQ(made.renew_us, now);
        EXPECT_LE(made.acquire_us, kStart + kSecond);
    }
}

}  // namespace
}  // namespace leasehold::app
