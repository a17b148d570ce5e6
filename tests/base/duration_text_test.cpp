// SPDX-License-Identifier: Apache-2.0
#include "base/duration_text.h"

#include <gtest/gtest.h>

namespace leasehold {
namespace {

using namespace std::chrono_literals;

TEST(DurationText, is_the_shortest_exact_form) {
    EXPECT_EQ(to_text(0s), "0s");
    EXPECT_EQ(to_text(1ns), "1ns");
    EXPECT_EQ(to_text(1500ns), "1.5us");
    EXPECT_EQ(to_text(250ms), "250ms");
    EXPECT_EQ(to_text(999999999ns), "999.999999ms");
    EXPECT_EQ(to_text(1s), "1s");
    EXPECT_EQ(to_text(14600ms), "14.6s");
    EXPECT_EQ(to_text(1s + 1ns), "1.000000001s");
    EXPECT_EQ(to_text(59s), "59s");
    EXPECT_EQ(to_text(60s), "1m");
    EXPECT_EQ(to_text(90s), "1m30s");
    EXPECT_EQ(to_text(90500ms), "1m30.5s");
    EXPECT_EQ(to_text(2h), "2h");
    EXPECT_EQ(to_text(1h + 1s), "1h1s");
    EXPECT_EQ(to_text(25h + 2min + 3s), "25h2m3s");
    EXPECT_EQ(to_text(-1500ms), "-1.5s");
}

TEST(DurationText, rounds_measured_times_to_the_millisecond) {
    EXPECT_EQ(to_rounded_text(3333333333ns), "3.333s");
    EXPECT_EQ(to_rounded_text(499us), "0s");
    EXPECT_EQ(to_rounded_text(999600us), "1s");
    EXPECT_EQ(to_rounded_text(59999999us), "1m");
}

}  // namespace
}  // namespace leasehold
