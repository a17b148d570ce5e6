// SPDX-License-Identifier: Apache-2.0
#include "supervisor/restart_policy.h"

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using What = RestartPolicy::What;

Instant at(Duration time) { return Instant{} + time; }

RestartOptions options(RestartWhen policy) {
    RestartOptions made;
    made.policy = policy;
    return made;
}

TEST(RestartPolicy, NeverIsNever) {
    RestartPolicy policy(options(RestartWhen::never), 1);
    for (const int status : {0, 1, 137}) {
        policy.started(at({}));
        EXPECT_EQ(policy.ended(at(seconds(1)), status).what, What::exit);
    }
}

TEST(RestartPolicy, WorkThatIsDoneIsNotDoneAgain) {
    RestartOptions made = options(RestartWhen::on_failure);
    made.success_exit_codes = {0, 143};
    made.then = AfterTheLast::resign;
    RestartPolicy policy(made, 1);
    EXPECT_EQ(policy.ended(at({}), 0).what, What::exit);
    EXPECT_EQ(policy.ended(at({}), 143).what, What::exit);
    EXPECT_EQ(policy.ended(at({}), 1).what, What::restart);
    made.then = AfterTheLast::hold;
    EXPECT_EQ(RestartPolicy(made, 1).ended(at({}), 0).what, What::hold) << "so that nobody does it again";
    RestartPolicy always(options(RestartWhen::always), 1);
    EXPECT_EQ(always.ended(at({}), 0).what, What::restart);
}

TEST(RestartPolicy, PausesDoubleUpToTheLongestAndVaryALittle) {
    RestartOptions made = options(RestartWhen::always);
    made.max_backoff = seconds(10);
    made.give_up_after = 0;
    RestartPolicy policy(made, 7);
    Duration time{};
    bool varied = false;
    for (const int expected : {1, 2, 4, 8, 10, 10, 10}) {
        const auto verdict = policy.ended(at(time), 1);
        ASSERT_EQ(verdict.what, What::restart);
        EXPECT_LE(verdict.after, seconds(expected));
        EXPECT_GE(verdict.after, seconds(expected) * 8 / 10);
        varied = varied || verdict.after != seconds(expected);
        time += verdict.after;
        policy.started(at(time));
    }
    EXPECT_TRUE(varied);
}

TEST(RestartPolicy, ALongRunMakesItForget) {
    RestartOptions made = options(RestartWhen::always);
    made.reset_after = minutes(1);
    made.give_up_after = 2;
    made.within = minutes(60);
    RestartPolicy policy(made, 7);
    Duration time{};
    for (int i = 0; i < 10; ++i) {
        policy.started(at(time));
        time += minutes(1);
        const auto verdict = policy.ended(at(time), 1);
        ASSERT_EQ(verdict.what, What::restart) << i;
        EXPECT_LE(verdict.after, seconds(1));
    }
}

TEST(RestartPolicy, GivesUpAfterSoManyWithinTheWindow) {
    for (const auto& [then, what] :
         {std::pair(AfterTheLast::resign, What::resign), std::pair(AfterTheLast::exit, What::exit),
          std::pair(AfterTheLast::hold, What::hold)}) {
        RestartOptions made = options(RestartWhen::on_failure);
        made.give_up_after = 3;
        made.then = then;
        RestartPolicy policy(made, 7);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(policy.ended(at(seconds(i)), 1).what, What::restart);
        EXPECT_EQ(policy.ended(at(seconds(3)), 1).what, what);
        EXPECT_EQ(policy.ended(at(seconds(4)), 1).what, what);
        policy.begin_term();
        const auto verdict = policy.ended(at(seconds(5)), 1);
        EXPECT_EQ(verdict.what, What::restart) << "in another term it begins anew";
        EXPECT_LE(verdict.after, seconds(1));
    }
}

TEST(RestartPolicy, WhatIsOlderThanTheWindowDoesNotCount) {
    RestartOptions made = options(RestartWhen::always);
    made.give_up_after = 3;
    made.within = minutes(1);
    RestartPolicy policy(made, 7);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(policy.ended(at(seconds(25) * i), 1).what, What::restart) << i;
}

TEST(RestartPolicy, WithoutAWordTheOthersResign) {
    RestartOptions made = options(RestartWhen::always);
    made.give_up_after = 1;
    RestartPolicy policy(made, 7);
    EXPECT_EQ(policy.ended(at({}), 1).what, What::restart);
    EXPECT_EQ(policy.ended(at(seconds(1)), 1).what, What::resign);
}

TEST(RestartPolicy, BadHealthCountsLikeAFailureAndThenResigns) {
    for (const RestartWhen when : {RestartWhen::never, RestartWhen::on_failure, RestartWhen::always}) {
        RestartOptions made = options(when);
        made.give_up_after = 2;
        RestartPolicy policy(made, 7);
        EXPECT_EQ(policy.unhealthy(at({})).what, What::restart);
        const auto second = policy.unhealthy(at(seconds(1)));
        EXPECT_EQ(second.what, What::restart);
        EXPECT_GT(second.after, seconds(1));
        EXPECT_EQ(policy.unhealthy(at(seconds(2))).what, What::resign);
        made.then = AfterTheLast::hold;
        made.give_up_after = 1;
        RestartPolicy holding(made, 7);
        holding.unhealthy(at({}));
        EXPECT_EQ(holding.unhealthy(at(seconds(1))).what, What::hold);
    }
}

}  // namespace
}  // namespace leasehold::supervisor
