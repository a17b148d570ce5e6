// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/judge.h"

#include <gtest/gtest.h>

namespace leasehold::faults {
namespace {

using harness::Stint;
using std::chrono::milliseconds;

// A process of a tree that stamped from one millisecond to another.
Stint stint(std::uint64_t tree, int first, int last) {
    Stint made;
    made.tree = tree * 1000;
    made.token = tree;
    made.identity = "candidate";
    made.pid = static_cast<int>(tree);
    made.first = milliseconds(first);
    made.last = milliseconds(last);
    return made;
}

Stint paused(Stint made, int from, int to) {
    made.pause_from = milliseconds(from);
    made.pause_to = milliseconds(to);
    return made;
}

TEST(Judge, NothingRanNothingIsWrong) {
    EXPECT_EQ(judge({}).problem, "");
    EXPECT_EQ(judge({}).trees, 0U);
}

TEST(Judge, OneAfterTheOtherIsRight) {
    const Judgement judgement = judge({stint(1, 10, 20), stint(2, 25, 40)});
    EXPECT_EQ(judgement.problem, "");
    EXPECT_EQ(judgement.overlap_ms, 0);
    EXPECT_EQ(judgement.nobody_ran_ms, 5);
    EXPECT_EQ(judgement.trees, 2U);
}

TEST(Judge, SeesTwoTreesAtOnce) {
    const Judgement judgement = judge({stint(1, 10, 20), stint(2, 17, 40)});
    EXPECT_NE(judgement.problem, "");
    EXPECT_EQ(judgement.overlap_ms, 3);
    EXPECT_FALSE(judgement.nobody_ran_ms);
}

TEST(Judge, ProcessesOfOneTreeMayRunTogether) {
    const Judgement judgement = judge({stint(1, 10, 20), stint(1, 11, 30), stint(2, 31, 40)});
    EXPECT_EQ(judgement.problem, "");
    EXPECT_EQ(judgement.nobody_ran_ms, 1);
}

TEST(Judge, ADaemonThatOutlivesItsMainProcessCounts) {
    const Judgement judgement = judge({stint(1, 10, 20), stint(1, 11, 50), stint(2, 31, 40)});
    EXPECT_NE(judgement.problem, "");
    EXPECT_EQ(judgement.overlap_ms, 9);
}

TEST(Judge, AProcessThatBeginsLateCounts) {
    EXPECT_EQ(judge({stint(1, 10, 20), stint(2, 31, 40), stint(1, 35, 36)}).overlap_ms, 5)
        << "a tree lives from its first stamp to its last";
}

TEST(Judge, SeesAnOverlapOfTreesThatAreNotNeighbours) {
    EXPECT_EQ(judge({stint(1, 10, 100), stint(2, 20, 30), stint(3, 90, 120)}).overlap_ms, 10);
}

TEST(Judge, TokensMustGrow) {
    std::vector<Stint> stints{stint(5, 10, 20), stint(4, 30, 40)};
    EXPECT_NE(judge(stints).problem, "");
    stints[1].token = 5;
    EXPECT_NE(judge(stints).problem, "") << "the same token twice";
    stints[1].token = 6;
    EXPECT_EQ(judge(stints).problem, "");
}

TEST(Judge, TreesOfOneTokenAreTwoTrees) {
    std::vector<Stint> stints{stint(5, 10, 20), stint(6, 15, 40)};
    stints[1].token = 5;
    EXPECT_EQ(judge(stints).overlap_ms, 5);
}

TEST(Judge, WhatDoesNotStampButLivesCounts) {
    std::vector<Stint> stints{stint(1, 10, 20), stint(2, 30, 40)};
    stints[1].met_another = true;
    EXPECT_NE(judge(stints).problem, "");
    EXPECT_EQ(judge(stints, true).problem, "") << "the test itself had frozen it";
}

TEST(Judge, LifeAfterAThawIsToldByItself) {
    const std::vector<Stint> stints{paused(stint(1, 0, 3010), 1000, 3000), stint(2, 2100, 4000)};
    const Judgement judgement = judge(stints, true);
    EXPECT_EQ(judgement.problem, "");
    EXPECT_EQ(judgement.overlap_ms, 0);
    EXPECT_EQ(judgement.thawed_ms, 10);
    EXPECT_EQ(judgement.nobody_ran_ms, 1100);
    EXPECT_NE(judge(stints).problem, "") << "only where the test had frozen it";
}

TEST(Judge, AnOverlapBeforeTheFreezeIsNoThaw) {
    const Judgement judgement = judge({paused(stint(1, 0, 3010), 1000, 3000), stint(2, 990, 4000)}, true);
    EXPECT_NE(judgement.problem, "");
    EXPECT_EQ(judgement.overlap_ms, 10);
}

TEST(Judge, APauseOfTheSchedulerIsNoFreeze) {
    const Judgement judgement = judge({paused(stint(1, 0, 1100), 1000, 1050), stint(2, 1010, 4000)}, true);
    EXPECT_NE(judgement.problem, "");
}

}  // namespace
}  // namespace leasehold::faults
