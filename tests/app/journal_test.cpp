// SPDX-License-Identifier: Apache-2.0
#include "app/journal.h"

#include <gtest/gtest.h>

namespace leasehold::app {
namespace {

election::Note failed(const std::string& detail) { return {election::Decision::renew_failed, 1, detail, {}}; }

TEST(Journal, says_a_repeated_failure_once_in_a_while) {
    Journal journal;
    journal.add(describe(failed("no_space: attempt 1")));
    journal.add(describe(failed("no_space: attempt 2")));
    journal.add(describe(failed("no_space: attempt 3")));
    ASSERT_EQ(journal.entries().size(), 1U);
    EXPECT_NE(journal.entries().front().text.find("attempt 1"), std::string::npos);
}

TEST(Journal, says_another_failure_at_once) {
    Journal journal;
    journal.add(describe(failed("no_space: attempt 1")));
    journal.add(describe(failed("timeout: attempt 2")));
    journal.add(describe({election::Decision::lost_deadline, 1, {}, {}}));
    journal.add(describe(failed("no_space: attempt 3")));
    EXPECT_EQ(journal.entries().size(), 4U);
}

TEST(Journal, says_two_failures_that_take_turns_once_each) {
    Journal journal;
    for (int i = 0; i < 5; ++i) {
        journal.add({log::Level::debug, "trying"});
        journal.add(describe(failed("no_space: attempt " + std::to_string(i))));
        journal.add(describe(failed("timeout: attempt " + std::to_string(i))));
    }
    EXPECT_EQ(journal.entries().size(), 2U);
}

TEST(Journal, keeps_the_same_error_once) {
    Journal journal;
    journal.add_error("a");
    journal.add_error("a");
    journal.add_error("b");
    EXPECT_EQ(journal.errors(), (std::vector<std::string>{"a", "b"}));
}

TEST(Journal, has_a_sentence_for_every_decision) {
    for (int i = 0; i <= static_cast<int>(election::Decision::release_abandoned); ++i) {
        const election::Note note{static_cast<election::Decision>(i), 1, "x", std::chrono::seconds(15)};
        EXPECT_EQ(describe(note).text.find("unknown decision"), std::string::npos) << i;
    }
}

}  // namespace
}  // namespace leasehold::app
