// SPDX-License-Identifier: Apache-2.0
#include "app/workload_process.h"

#include <gtest/gtest.h>

namespace leasehold::app {
namespace {

TEST(EnvironmentFile, IsTakenAsItIs) {
    const auto found = variables_in("# a comment\n\nA=1\nB= x = y \r\nC=\nA=2");
    ASSERT_TRUE(found);
    const std::map<std::string, std::string> expected = {{"A", "2"}, {"B", " x = y "}, {"C", ""}};
    EXPECT_EQ(*found, expected);
}

// It may be any file, by mistake.
TEST(EnvironmentFile, AProblemIsOnePrintableLine) {
    const auto found = variables_in(std::string("A=1\nx\x1b[2J\0\xff=3", 14));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().message.find_first_of(std::string_view("\x1b\0\xff", 3)), std::string::npos)
        << found.error().message;
    EXPECT_NE(found.error().message.find("line 2"), std::string::npos) << found.error().message;
}

}  // namespace
}  // namespace leasehold::app
