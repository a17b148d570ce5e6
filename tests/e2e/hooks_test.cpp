// SPDX-License-Identifier: Apache-2.0
//
// workload.hooks, seen from outside: when they are executed, by what they know, and what becomes of them when they
// fail, hang or leave something behind.
#include <csignal>
#include <map>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/hooks_fixture.h"

namespace leasehold::harness {
namespace {

using testing::ElementsAre;

using Hooks = WithHooks;

TEST_F(Hooks, EachIsExecutedInItsTurnWithWhatTheWorkloadKnows) {
    for (const std::string& containment : containments()) {
        SCOPED_TRACE(containment);
        forget();
        const std::string tells = "env | grep ^LEASEHOLD_ > " + folder_.path("env.$LEASEHOLD_HOOK") + "\n";
        std::map<std::string, std::string> hooks;
        for (const char* name : {"before_start", "after_start", "before_stop", "after_stop"}) {
            const std::string waits = name == std::string("after_start") ? wait_for_event("start") : "";
            hooks[name] = hook(name, tells + waits + "echo $LEASEHOLD_HOOK >> " + events_ + "\n");
        }
        Candidate& only = lead(name_for(containment), in_yaml(hooks) + "\ncontainment: " + containment);
        ASSERT_TRUE(has_event("after_start")) << only.log();
        only.process().signal(SIGTERM);
        EXPECT_EQ(only.process().wait(), 7) << only.log();
        EXPECT_THAT(events(), ElementsAre("before_start", "start", "after_start", "before_stop", "stop", "after_stop"))
            << only.log();
        const std::string own = environment_of("workload");
        for (const char* name : {"before_start", "after_start", "before_stop", "after_stop"}) {
            SCOPED_TRACE(name);
            for (const char* variable : {"IDENTITY", "ELECTION", "ROLE", "FENCING_TOKEN", "TRANSITIONS", "TERM_ID"}) {
                EXPECT_NE(told(own, variable), "");
                EXPECT_EQ(told(environment_of(name), variable), told(own, variable)) << variable;
            }
            const bool beside = name == std::string("after_start") || name == std::string("before_stop");
            EXPECT_EQ(told(environment_of(name), "WORKLOAD_PID"), beside ? read_line("workload.pid") : "");
        }
        EXPECT_EQ(told(environment_of("after_stop"), "EXIT_STATUS"), "7");
        EXPECT_EQ(told(environment_of("before_stop"), "EXIT_STATUS"), "");
    }
}

TEST_F(Hooks, EachStartAgainHasItsOwnAndAnEndByItselfIsNoStop) {
    const std::string keys =
        in_yaml({{"before_start", noting("before_start")},
                 {"before_stop", noting("before_stop")},
                 {"after_stop", noting("after_stop", "echo $LEASEHOLD_EXIT_STATUS >> " + events_ + "\n")}});
    Candidate& only =
        lead("only", keys + "\nrestart: {policy: on-failure, initial_backoff: 10ms}",
             sh(fmt::format("echo start >> {0}; test $(grep -c start$ {0}) -ge 4 || exit 3; exit 0", events_)));
    EXPECT_EQ(only.process().wait(), 0) << only.log();
    EXPECT_THAT(events(),
                ElementsAre("before_start", "start", "after_stop", "3", "before_start", "start", "after_stop", "0"))
        << only.log();
}

// ---- before_start ---------------------------------------------------------------------------------------------------

TEST_F(Hooks, WhoseBeforeStartFailsLeavesTheWorkToAnother) {
    const std::string leaves = "(setsid sh -c 'echo $$ > " + folder_.path("daemon") + "; exec sleep 1000' &)\n" +
                               wait_for_file("daemon") + "exit 7\n";
    Candidate& sick = lead("sick", in_yaml({{"before_start", hook("before_start", leaves)}}));
    ASSERT_TRUE(logs(sick, "workload.hooks.before_start ended with status 7; the workload is not started"));
    ASSERT_TRUE(logs(sick, "resigned; not contending for")) << sick.log();
    EXPECT_FALSE(lives(pid_in("daemon"))) << sick.log();
    EXPECT_TRUE(shows(sick, "/status", "workload.hooks.before_start ended with status 7"))
        << "says why it does not lead";
    EXPECT_TRUE(shows(sick, "/status", "it has resigned because workload.hooks.before_start failed, and rests for"));
    EXPECT_TRUE(shows(sick, "/metrics", "leasehold_hook_failures_total{hook=\"before_start\"} 1\n"));
    Candidate& well = lead("well", in_yaml({{"before_start", noting("before_start")}}));
    ASSERT_TRUE(has_event("start")) << well.log();
    EXPECT_THAT(events(), ElementsAre("before_start", "start"));
}

TEST_F(Hooks, ABeforeStartThatHangsIsKilledAndAnotherLeads) {
    Candidate& sick =
        lead("sick", in_yaml({{"before_start", hook("before_start", that_hangs("hung"))}}, "timeout: 2s"));
    ASSERT_TRUE(logs(sick, "workload.hooks.before_start did not end in time and was killed")) << sick.log();
    ASSERT_TRUE(logs(sick, "resigned; not contending for")) << sick.log();
    EXPECT_TRUE(is_gone("hung")) << sick.log();
    lead("well", "");
    ASSERT_TRUE(has_event("start"));
    EXPECT_THAT(events(), ElementsAre("start"));
}

TEST_F(Hooks, ABeforeStartThatCannotBeExecutedIsAFailure) {
    Candidate& sick = lead("sick", "hooks: {before_start: [/nonexistent/hook]}");
    ASSERT_TRUE(logs(sick, "workload.hooks.before_start: cannot execute the command \"/nonexistent/hook\""))
        << sick.log();
    ASSERT_TRUE(logs(sick, "resigned; not contending for")) << sick.log();
    lead("well", "");
    ASSERT_TRUE(has_event("start"));
    EXPECT_THAT(events(), ElementsAre("start"));
}

TEST_F(Hooks, WhatBeforeStartForksLivesBesideTheWorkloadAndEndsWithIt) {
    for (const std::string& containment : containments()) {
        SCOPED_TRACE(containment);
        forget();
        const std::string forks = fmt::format("(setsid sh -c 'trap \"\" TERM HUP; echo $$ > {}; exec sleep 1000' &)\n",
                                              folder_.path("daemon"));
        // In a namespace it has another number, so it is found by what it looks like.
        Candidate& only =
            lead(name_for(containment), in_yaml({{"before_start", hook("b", forks + wait_for_file("daemon"))}}) +
                                            "\nstop: {grace_period: 1s}\ncontainment: " + containment);
        ASSERT_TRUE(has_event("start")) << only.log();
        const auto below = [&] { return descendants_of(only.role("leasehold-super")); };
        std::vector<pid_t> daemons;
        for (const pid_t pid : below()) {
            if (name_of(pid) == "sleep") daemons.push_back(pid);
        }
        ASSERT_FALSE(daemons.empty()) << only.log();
        only.process().signal(SIGTERM);
        EXPECT_TRUE(only.process().wait()) << only.log();
        for (const pid_t pid : daemons) EXPECT_FALSE(lives(pid)) << only.log();
    }
}

TEST_F(Hooks, StoppedDuringBeforeStartLeaseholdStartsNothingAndEnds) {
    Candidate& only =
        lead("only", in_yaml({{"before_start", hook("before_start", that_hangs("hung"))}}, "timeout: 1h"));
    ASSERT_TRUE(eventually([&] { return pid_in("hung") > 0; })) << only.log();
    EXPECT_TRUE(shows(only, "/status", "\"hook\": \"before_start\""));
    EXPECT_TRUE(shows(only, "/status", "\"state\": \"starting\""));
    only.process().signal(SIGTERM);
    EXPECT_TRUE(only.process().wait()) << only.log();
    EXPECT_FALSE(lives(pid_in("hung"))) << only.log();
    EXPECT_THAT(events(), ElementsAre());
    Candidate& next = lead("next", "");
    EXPECT_TRUE(has_event("start")) << "the lease was not released\n" << next.log();
}

TEST_F(Hooks, TheDeadlinesEndABeforeStart) {
    Candidate& only = lead("only", in_yaml({{"before_start", hook("before_start", that_hangs("hung"))}}, "timeout: 1h"),
                           {}, kShortLease);
    ASSERT_TRUE(eventually([&] { return pid_in("hung") > 0; })) << only.log();
    const pid_t agent = only.role("leasehold-agent");
    kill(agent, SIGSTOP);
    EXPECT_TRUE(is_gone("hung")) << only.log();
    EXPECT_TRUE(logs(only, "nothing of workload.hooks.before_start is left")) << only.log();
    EXPECT_THAT(events(), ElementsAre());
    kill(agent, SIGCONT);
}

TEST_F(Hooks, AnAgentThatDiesDuringBeforeStartIsNotNoticed) {
    const std::string waits = "echo $LEASEHOLD_TERM_ID >> " + events_ + "\n" + wait_for_file("go");
    Candidate& only = lead("only", in_yaml({{"before_start", hook("before_start", waits)}}, "timeout: 1h"));
    ASSERT_TRUE(eventually([&] { return events().size() == 1; })) << only.log();
    kill(only.role("leasehold-agent"), SIGKILL);
    ASSERT_TRUE(logs(only, "taking over term")) << only.log();
    write_file(folder_.path("go"), "now\n");
    ASSERT_TRUE(has_event("start")) << only.log();
    EXPECT_THAT(events(), ElementsAre(told(environment_of("workload"), "TERM_ID"), "start"));
}

// ---- what they print and read ---------------------------------------------------------------------------------------

TEST_F(Hooks, WhatTheyPrintGoesWhereTheWorkloadPrintsAndNothingIsToBeRead) {
    const std::string loud =
        "cat\nhead -c 4000000 /dev/zero | tr '\\0' 'x' | fold -w 1000\necho; echo it is the hook\n";
    const std::string keys = in_yaml({{"before_start", hook("before_start", loud)}});
    Candidate& plain = lead("plain", keys);
    ASSERT_TRUE(has_event("start")) << plain.log().size();
    EXPECT_GE(plain.log().size(), 4'000'000U);
    EXPECT_NE(plain.log().find("\nit is the hook\n"), std::string::npos);
    plain.process().signal(SIGTERM);
    ASSERT_TRUE(plain.process().wait());
    Candidate& captured = lead("captured", keys + "\noutput: {format: json}");
    EXPECT_TRUE(eventually([&] { return events().size() == 3; }));
    EXPECT_TRUE(logs(captured, "\"it is the hook\""));
}

// ---- after_start ----------------------------------------------------------------------------------------------------

TEST_F(Hooks, AFailureOfAfterStartIsToldAndHasNoConsequences) {
    Candidate& fails = lead("fails", in_yaml({{"after_start", hook("fails", "exit 4\n")}}));
    ASSERT_TRUE(logs(fails, "workload.hooks.after_start ended with status 4")) << fails.log();
    EXPECT_TRUE(shows(fails, "/status", "\"state\": \"running\""));
    ASSERT_TRUE(has_started(1)) << fails.log();
    fails.process().signal(SIGTERM);
    EXPECT_EQ(fails.process().wait(), 7) << fails.log();
    Candidate& hangs = lead("hangs", in_yaml({{"after_start", hook("hangs", that_hangs("hung"))}}, "timeout: 2s") +
                                         "\nstop: {grace_period: 5s}");
    ASSERT_TRUE(logs(hangs, "workload.hooks.after_start did not end in time and was killed")) << hangs.log();
    EXPECT_TRUE(is_gone("hung", false)) << hangs.log();
    EXPECT_TRUE(shows(hangs, "/status", "\"state\": \"running\""));
    ASSERT_TRUE(has_started(2)) << hangs.log();
    hangs.process().signal(SIGTERM);
    EXPECT_EQ(hangs.process().wait(), 7) << hangs.log();
    Candidate& missing = lead("missing", "hooks: {after_start: [/nonexistent/hook]}");
    ASSERT_TRUE(logs(missing, "workload.hooks.after_start cannot be executed")) << missing.log();
    EXPECT_TRUE(shows(missing, "/status", "\"state\": \"running\""));
    ASSERT_TRUE(has_started(3)) << missing.log();
    EXPECT_THAT(events(), ElementsAre("start", "stop", "start", "stop", "start"));
}

TEST_F(Hooks, AfterStartWaitsUntilTheWorkloadIsReady) {
    const std::string ready = folder_.path("is-ready");
    Candidate& only = lead("only", in_yaml({{"after_start", noting("after_start")}}) +
                                       fmt::format("\nready: {{exec: [test, -e, {}], interval: 50ms}}", ready));
    ASSERT_TRUE(has_event("start")) << only.log();
    let_pass(std::chrono::seconds(1));
    EXPECT_THAT(events(), ElementsAre("start"));
    write_file(ready, "");
    EXPECT_TRUE(has_event("after_start")) << only.log();
}

TEST_F(Hooks, AStopEndsAnAfterStartThatStillRuns) {
    Candidate& only = lead("only", in_yaml({{"after_start", hook("after_start", that_hangs("hung", false))},
                                            {"before_stop", noting("before_stop")}},
                                           "timeout: 1h"));
    ASSERT_TRUE(eventually([&] { return pid_in("hung") > 0; })) << only.log();
    ASSERT_TRUE(has_event("start")) << only.log();
    only.process().signal(SIGTERM);
    EXPECT_EQ(only.process().wait(), 7) << only.log();
    EXPECT_FALSE(lives(pid_in("hung")));
    EXPECT_THAT(events(), ElementsAre("start", "before_stop", "stop"));
}

}  // namespace
}  // namespace leasehold::harness
