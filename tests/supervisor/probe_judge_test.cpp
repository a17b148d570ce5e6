// SPDX-License-Identifier: Apache-2.0
#include "supervisor/probe_judge.h"

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = ProbeJudge::State;

Instant after(Duration time) { return Instant{} + time; }

ProbeOptions every_ten_seconds() {
    ProbeOptions options;
    options.interval = seconds(10);
    return options;
}

// Probes that each take a moment, from `begin` on, as the outcomes say.
Duration play(ProbeJudge& judge, Duration begin, const std::vector<bool>& outcomes) {
    Duration time = begin;
    for (const bool passed : outcomes) {
        time += judge.wake(after(time)).value();
        EXPECT_TRUE(judge.due(after(time)));
        judge.started(after(time));
        EXPECT_TRUE(judge.ended(after(time + milliseconds(5)), passed));
    }
    return time + milliseconds(5);
}

TEST(ProbeJudge, HasNothingToDoBeforeItBeginsAndAfterItEnds) {
    ProbeJudge judge(every_ten_seconds(), 1);
    EXPECT_FALSE(judge.due(after(seconds(100))));
    EXPECT_EQ(judge.wake(after({})), std::nullopt);
    judge.begin(after({}));
    EXPECT_TRUE(judge.due(after({})));
    EXPECT_EQ(judge.wake(after({})), Duration(0));
    judge.started(after({}));
    judge.end();
    EXPECT_FALSE(judge.ended(after(seconds(1)), false)) << "of no interest any more";
    EXPECT_EQ(judge.wake(after(seconds(1))), std::nullopt);
    EXPECT_EQ(judge.state(), State::unknown);
}

TEST(ProbeJudge, WaitsForTheInitialDelayOfEachBeginning) {
    ProbeOptions options = every_ten_seconds();
    options.initial_delay = seconds(30);
    ProbeJudge judge(options, 1);
    for (const Duration start : {seconds(0), seconds(1000)}) {
        judge.begin(after(start));
        EXPECT_EQ(judge.wake(after(start)), seconds(30));
        EXPECT_FALSE(judge.due(after(start + milliseconds(29'999))));
        EXPECT_TRUE(judge.due(after(start + seconds(30))));
        play(judge, start + seconds(30), {false, false});
        EXPECT_EQ(judge.failures(), 2);
    }
}

TEST(ProbeJudge, AMachineThatWasSuspendedDidNotUseTheDelayUp) {
    ProbeOptions options = every_ten_seconds();
    options.initial_delay = seconds(30);
    ProbeJudge judge(options, 1);
    judge.begin({seconds(0), seconds(0)});
    EXPECT_FALSE(judge.due({seconds(500), seconds(1)}));
    EXPECT_TRUE(judge.due({seconds(530), seconds(30)}));
}

TEST(ProbeJudge, IntervalsVaryALittle) {
    ProbeJudge judge(every_ten_seconds(), 7);
    judge.begin(after({}));
    bool varied = false;
    for (int i = 0; i < 50; ++i) {
        judge.started(after({}));
        judge.ended(after({}), true);
        const Duration wait = *judge.wake(after({}));
        EXPECT_GE(wait, milliseconds(9500));
        EXPECT_LE(wait, milliseconds(10500));
        varied = varied || wait != seconds(10);
    }
    EXPECT_TRUE(varied);
}

TEST(ProbeJudge, OneAtATimeHoweverLongItTakes) {
    ProbeOptions options = every_ten_seconds();
    options.timeout = seconds(60);
    ProbeJudge judge(options, 1);
    judge.begin(after({}));
    judge.started(after({}));
    EXPECT_FALSE(judge.due(after(seconds(30))));
    EXPECT_EQ(judge.wake(after(seconds(30))), seconds(30)) << "for its timeout";
    EXPECT_FALSE(judge.overdue(after(milliseconds(59'999))));
    EXPECT_TRUE(judge.overdue(after(seconds(60))));
    EXPECT_TRUE(judge.ended(after(seconds(60)), false));
    EXPECT_TRUE(judge.due(after(seconds(60)))) << "its interval is over";
}

TEST(ProbeJudge, SoManyInARowCount) {
    ProbeOptions options = every_ten_seconds();
    options.failure_threshold = 3;
    options.success_threshold = 2;
    ProbeJudge judge(options, 1);
    judge.begin(after({}));
    Duration time = play(judge, {}, {true});
    EXPECT_EQ(judge.state(), State::unknown);
    time = play(judge, time, {false, false, true});
    EXPECT_EQ(judge.state(), State::unknown);
    time = play(judge, time, {true});
    EXPECT_EQ(judge.state(), State::passing);
    time = play(judge, time, {false, false, true, false, false});
    EXPECT_EQ(judge.state(), State::passing);
    time = play(judge, time, {false});
    EXPECT_EQ(judge.state(), State::failing);
    EXPECT_EQ(judge.failures(), 3);
    time = play(judge, time, {true});
    EXPECT_EQ(judge.state(), State::failing);
    play(judge, time, {true});
    EXPECT_EQ(judge.state(), State::passing);
}

// The machine was suspended, or we were stopped, while one was under way.
TEST(ProbeJudge, AFailureThatNobodyWaitedForDoesNotCount) {
    ProbeOptions options = every_ten_seconds();
    options.failure_threshold = 1;
    ProbeJudge judge(options, 1);
    judge.begin(after({}));
    judge.started(after({}));
    EXPECT_FALSE(judge.ended({seconds(600), milliseconds(2100)}, false)) << "either clock says so";
    EXPECT_EQ(judge.state(), State::unknown);
    EXPECT_EQ(judge.failures(), 0);
    const Instant awake{seconds(611), seconds(13)};
    EXPECT_TRUE(judge.due(awake));
    judge.started(awake);
    EXPECT_TRUE(judge.ended(awake + milliseconds(2100), false)) << "a little late is in time";
    EXPECT_EQ(judge.state(), State::failing);
    judge.started(awake + seconds(20));
    EXPECT_TRUE(judge.ended(awake + seconds(600), true)) << "a pass is a pass";
    EXPECT_EQ(judge.state(), State::passing);
}

TEST(ProbeJudge, WhatIsWithdrawnSaysNothing) {
    ProbeOptions options = every_ten_seconds();
    options.failure_threshold = 2;
    ProbeJudge judge(options, 1);
    judge.begin(after({}));
    const Duration time = play(judge, {}, {false});
    judge.started(after(time));
    judge.withdrawn();
    EXPECT_FALSE(judge.under_way());
    EXPECT_EQ(judge.failures(), 1);
    EXPECT_GE(*judge.wake(after(time)), seconds(9));
    EXPECT_FALSE(judge.ended(after(time), false));
    play(judge, time, {false});
    EXPECT_EQ(judge.state(), State::failing);
}

TEST(ProbeJudge, TheSameSeedGivesTheSameTimes) {
    ProbeJudge one(every_ten_seconds(), 5), other(every_ten_seconds(), 5);
    one.begin(after({}));
    other.begin(after({}));
    EXPECT_EQ(play(one, {}, std::vector<bool>(20, true)), play(other, {}, std::vector<bool>(20, true)));
}

}  // namespace
}  // namespace leasehold::supervisor
