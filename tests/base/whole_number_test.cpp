// SPDX-License-Identifier: Apache-2.0
#include "base/whole_number.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace leasehold {
namespace {

TEST(WholeNumber, is_all_of_the_text) {
    EXPECT_EQ(whole_number<int>("0"), 0);
    EXPECT_EQ(whole_number<int>("-12"), -12);
    EXPECT_EQ(whole_number<int>("007"), 7);
    EXPECT_EQ(whole_number<std::uint64_t>("18446744073709551615"), ~std::uint64_t{0});
    EXPECT_EQ(whole_number<int>("027", 8), 027);
    for (const char* text : {"", " 1", "1 ", "+1", "1.5", "0x1", "one", "-"}) {
        EXPECT_EQ(whole_number<int>(text), std::nullopt) << text;
    }
    EXPECT_EQ(whole_number<unsigned int>("-1"), std::nullopt);
    EXPECT_EQ(whole_number<int>("2147483648"), std::nullopt);
    EXPECT_EQ(whole_number<int>("9", 8), std::nullopt);
}

}  // namespace
}  // namespace leasehold
