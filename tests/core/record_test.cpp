// SPDX-License-Identifier: Apache-2.0
#include "election/core/record.h"

#include <limits>

#include <gtest/gtest.h>

namespace leasehold::election {
namespace {

TEST(WriteIdText, goes_both_ways) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    for (const WriteId& id : {WriteId{7, 1, 42}, WriteId{0, 0, 0}, WriteId{kMost, kMost, kMost}}) {
        EXPECT_EQ(WriteId::parse(id.text()), id) << id.text();
    }
    EXPECT_EQ((WriteId{7, 1, 42}).text(), "7.1.42");
}

TEST(WriteIdText, refuses_everything_else) {
    for (const char* text : {"",        ".",       "..",      "7",        "7.",
                             "7.1",     "7.1.",    "7.1.42.", "7.1.42.3", "7..42",
                             ".1.42",   "7.1.x",   "x7.1.42", " 7.1.42",  "7.1.42 ",
                             "7.1.-42", "+7.1.42", "7,1,42",  "7.1.42\n", "18446744073709551616.1.1"}) {
        EXPECT_FALSE(WriteId::parse(text)) << '"' << text << '"';
    }
}

}  // namespace
}  // namespace leasehold::election
