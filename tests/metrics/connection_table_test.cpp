// SPDX-License-Identifier: Apache-2.0
#include "metrics/connection_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leasehold::metrics {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Phase = ConnectionTable::Phase;

constexpr Instant at(int second) { return {seconds(second), seconds(second)}; }

class ConnectionTableTest : public testing::Test {
protected:
    ConnectionTable table_{{seconds(10), seconds(20), seconds(90)}};
};

TEST_F(ConnectionTableTest, EmptyHasNothingToDo) {
    EXPECT_EQ(table_.next_overdue(at(0)), std::nullopt);
    EXPECT_EQ(table_.end_longest(), std::nullopt);
    EXPECT_THAT(table_.end_overdue(at(1000)), IsEmpty());
}

TEST_F(ConnectionTableTest, EachPhaseHasItsLimit) {
    const auto connection = table_.add(7, at(0));
    EXPECT_EQ(table_.next_overdue(at(4)), seconds(6));
    EXPECT_THAT(table_.end_overdue(at(9)), IsEmpty());
    table_.enter(connection, Phase::response, at(9));
    EXPECT_EQ(table_.next_overdue(at(9)), seconds(20));
    table_.enter(connection, Phase::idle, at(10));
    EXPECT_EQ(table_.next_overdue(at(10)), seconds(90));
    EXPECT_THAT(table_.end_overdue(at(99)), IsEmpty());
    EXPECT_THAT(table_.end_overdue(at(100)), ElementsAre(7));
}

TEST_F(ConnectionTableTest, EndsEachOnlyOnce) {
    table_.add(7, at(0));
    EXPECT_THAT(table_.end_overdue(at(10)), ElementsAre(7));
    EXPECT_THAT(table_.end_overdue(at(11)), IsEmpty());
    EXPECT_EQ(table_.end_longest(), std::nullopt);
    EXPECT_EQ(table_.next_overdue(at(11)), std::nullopt) << "a timer would spin until the descriptor is closed";
    EXPECT_EQ(table_.size(), 1U);
}

TEST_F(ConnectionTableTest, TheOneWithoutProgressForLongestGoesFirst) {
    const auto first = table_.add(1, at(0));
    const auto second = table_.add(2, at(1));
    table_.add(3, at(2));
    table_.enter(first, Phase::idle, at(3));
    EXPECT_EQ(table_.end_longest(), 2);
    EXPECT_EQ(table_.end_longest(), 3);
    EXPECT_EQ(table_.end_longest(), 1);
    EXPECT_EQ(table_.end_longest(), std::nullopt);
    table_.remove(second);
    table_.remove(first);
    EXPECT_EQ(table_.size(), 1U);
}

TEST_F(ConnectionTableTest, WhoHasTheMostGivesWay) {
    table_.add(1, at(0), 100);
    table_.add(2, at(1), 200);
    table_.add(3, at(2), 200);
    EXPECT_EQ(table_.count_of(200), 2U);
    EXPECT_EQ(table_.end_longest(), 2) << "not the one of a peer that has no other";
    EXPECT_EQ(table_.count_of(200), 1U) << "that one counts no more";
    EXPECT_EQ(table_.end_longest(), 1);
    EXPECT_EQ(table_.end_longest_of(100), std::nullopt);
    EXPECT_EQ(table_.end_longest_of(200), 3);
}

TEST_F(ConnectionTableTest, ThoseWithoutARequestAreCountedByThemselves) {
    const auto first = table_.add(1, at(0));
    table_.add(2, at(1));
    EXPECT_EQ(table_.count_without_request(), 2U);
    table_.enter(first, Phase::idle, at(2));
    EXPECT_EQ(table_.count_without_request(), 1U);
    EXPECT_EQ(table_.end_longest_without_request(), 2);
    EXPECT_EQ(table_.end_longest_without_request(), std::nullopt);
}

TEST_F(ConnectionTableTest, TheClockThatSaysMoreCounts) {
    table_.add(1, at(0));
    EXPECT_THAT(table_.end_overdue({seconds(10), seconds(1)}), ElementsAre(1));
    table_.add(2, at(0));
    EXPECT_THAT(table_.end_overdue({seconds(1), seconds(10)}), ElementsAre(2));
}

}  // namespace
}  // namespace leasehold::metrics
