// SPDX-License-Identifier: Apache-2.0
//
// Which hooks there are, and what is said of them.
#include "supervisor/hook.h"

#include <set>

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

constexpr Hook kEveryHook[] = {Hook::before_start, Hook::after_start, Hook::before_stop, Hook::stop_command,
                               Hook::after_stop};

TEST(Hooks, EachHasACommandANameAndAKeyOfItsOwn) {
    WorkloadOptions workload;
    workload.hooks.before_start = {"before_start"};
    workload.hooks.after_start = {"after_start"};
    workload.hooks.before_stop = {"before_stop"};
    workload.hooks.after_stop = {"after_stop"};
    workload.stop.command = {"stop"};
    std::set<std::string> keys;
    for (const Hook hook : kEveryHook) {
        EXPECT_EQ(command_of(workload, hook).front(), name_of(hook));
        keys.insert(key_of(hook));
    }
    EXPECT_EQ(keys.size(), std::size(kEveryHook));
    EXPECT_TRUE(keys.contains("workload.stop.command"));
}

TEST(Hooks, ThePlanHasThoseThatAreGiven) {
    HookOptions options;
    options.timeout = std::chrono::seconds(3);
    EXPECT_FALSE(plan_of(options).before_start || plan_of(options).after_start || plan_of(options).before_stop ||
                 plan_of(options).after_stop);
    options.before_start = {"true"};
    options.after_stop = {"true"};
    const HookPlan plan = plan_of(options);
    EXPECT_TRUE(plan.before_start && plan.after_stop);
    EXPECT_FALSE(plan.after_start || plan.before_stop);
    EXPECT_EQ(plan.timeout, std::chrono::seconds(3));
}

TEST(Hooks, OnlyWhatFollowsTheStopMakesItLonger) {
    WorkloadOptions workload;
    workload.stop.grace_period = std::chrono::seconds(30);
    workload.hooks.timeout = std::chrono::seconds(4);
    workload.hooks.before_stop = {"true"};
    EXPECT_EQ(longest_stop(workload), std::chrono::seconds(30));
    workload.hooks.after_stop = {"true"};
    EXPECT_EQ(longest_stop(workload), std::chrono::seconds(34));
}

TEST(Hooks, WhatIsSaidNamesTheKeyAndTheReason) {
    using Ending = HookOutcome::Kind;
    EXPECT_EQ(describe(Hook::before_start, {Ending::failed, 3}), "workload.hooks.before_start ended with status 3");
    EXPECT_EQ(describe(Hook::stop_command, {Ending::timed_out, 0}),
              "workload.stop.command did not end in time and was killed");
    std::set<std::string> sentences;
    for (const Ending kind :
         {Ending::began, Ending::passed, Ending::failed, Ending::timed_out, Ending::unusable, Ending::too_late}) {
        sentences.insert(describe(Hook::after_stop, {kind, 1}));
    }
    EXPECT_EQ(sentences.size(), 6U);
}

}  // namespace
}  // namespace leasehold::supervisor
