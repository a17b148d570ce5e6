// SPDX-License-Identifier: Apache-2.0
#include "supervisor/pulse.h"

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

void ask(Pulse& pulse, int times) {
    for (int i = 0; i < times; ++i) pulse.ask();
}

TEST(Pulse, SilentAfterManyUnansweredQuestions) {
    Pulse pulse;
    EXPECT_FALSE(pulse.silent());
    ask(pulse, Pulse::kPatience);
    EXPECT_FALSE(pulse.silent());
    pulse.ask();
    EXPECT_TRUE(pulse.silent());
}

TEST(Pulse, AnyRecentAnswerIsEnough) {
    Pulse pulse;
    ask(pulse, 100);
    pulse.answered(91);
    EXPECT_FALSE(pulse.silent());
    pulse.ask();
    EXPECT_FALSE(pulse.silent());  // ten are open
    pulse.ask();
    EXPECT_TRUE(pulse.silent());
}

TEST(Pulse, OldAndImpossibleAnswersDoNotMoveIt) {
    Pulse pulse;
    ask(pulse, 20);
    pulse.answered(20);
    pulse.answered(3);
    EXPECT_FALSE(pulse.silent());
    pulse.answered(1000);  // to a question that was not asked
    ask(pulse, Pulse::kPatience + 1);
    EXPECT_TRUE(pulse.silent());
}

TEST(Pulse, StartsAnewWithSomebodyElse) {
    Pulse pulse;
    ask(pulse, 50);
    pulse.restart();
    EXPECT_FALSE(pulse.silent());
}

}  // namespace
}  // namespace leasehold::supervisor
