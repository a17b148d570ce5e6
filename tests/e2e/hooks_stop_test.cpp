// SPDX-License-Identifier: Apache-2.0
//
// The hooks around a stop, and workload.stop.command, seen from outside; and every hook while what runs it is killed.
#include <csignal>
#include <map>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/hooks_fixture.h"

namespace leasehold::harness {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

class HooksOfAStop : public WithHooks {
protected:
    // Leads, is asked to stop, and ends with the workload's status.
    Candidate& stops(const std::string& name, const std::string& keys, int status = 7,
                     std::vector<std::string> command = {}) {
        const auto all = events();
        const auto before = std::count(all.begin(), all.end(), "start");
        Candidate& only = lead(name, keys, std::move(command));
        EXPECT_TRUE(has_started(before + 1)) << only.log();
        only.process().signal(SIGTERM);
        EXPECT_EQ(only.process().wait(), status) << only.log();
        return only;
    }

    // A stop command that works: the workload has another way to end, with status 5.
    std::string asks_otherwise() { return hook("otherwise", "kill -USR1 $LEASEHOLD_WORKLOAD_PID\n"); }
    std::vector<std::string> that_can_be_asked() {
        return that_notes(fmt::format("trap 'echo usr1 >> {}; exit 5' USR1;", events_));
    }

    bool control(const std::string& name, const std::string& what) {
        Process command({.arguments = {leasehold_program(), what, "--socket", folder_.path(name + ".sock")},
                         .output = folder_.path("said"),
                         .environment = {}});
        return command.wait() == 0;
    }
};

// ---- before_stop ----------------------------------------------------------------------------------------------------

TEST_F(HooksOfAStop, WhateverBecomesOfBeforeStopTheStopGoesOn) {
    const Candidate& fails = stops("fails", in_yaml({{"before_stop", noting("before_stop", "exit 9\n")}}));
    EXPECT_TRUE(logs(fails, "workload.hooks.before_stop ended with status 9")) << fails.log();
    EXPECT_THAT(events(), ElementsAre("start", "before_stop", "stop"));
    forget();
    const Candidate& hangs =
        stops("hangs", in_yaml({{"before_stop", hook("hangs", that_hangs("hung"))}}, "timeout: 2s") +
                           "\nstop: {grace_period: 5s}");
    EXPECT_TRUE(logs(hangs, "workload.hooks.before_stop did not end in time and was killed")) << hangs.log();
    EXPECT_TRUE(is_gone("hung")) << hangs.log();
    EXPECT_THAT(events(), ElementsAre("start", "stop"));
    forget();
    const Candidate& missing = stops("missing", "hooks: {before_stop: [/nonexistent/hook]}");
    EXPECT_TRUE(logs(missing, "workload.hooks.before_stop cannot be executed")) << missing.log();
    EXPECT_THAT(events(), ElementsAre("start", "stop"));
}

TEST_F(HooksOfAStop, TheTimeOfBeforeStopIsPartOfTheGracePeriod) {
    stops("only",
          in_yaml({{"before_stop", hook("hangs", that_hangs("hung"))}}, "timeout: 1h") + "\nstop: {grace_period: 3s}",
          128 + SIGKILL);
    EXPECT_TRUE(is_gone("hung"));
    EXPECT_THAT(events(), ElementsAre("start")) << "it had no time left to be asked";
}

TEST_F(HooksOfAStop, BeforeStopMayEndWhenTheWorkloadHasEndedMeanwhile) {
    for (const std::string& containment : containments()) {
        SCOPED_TRACE(containment);
        forget();
        const std::string ends_it = "kill -TERM $LEASEHOLD_WORKLOAD_PID\n" + wait_for_event("stop") +
                                    "while kill -0 $LEASEHOLD_WORKLOAD_PID; do sleep 0.02; done\nsleep 0.3\n"
                                    "echo before_stop has ended >> " +
                                    events_ + "\n";
        stops(name_for(containment),
              in_yaml({{"before_stop", hook("ends-it", ends_it)}}) + "\ncontainment: " + containment);
        EXPECT_THAT(events(), ElementsAre("start", "stop", "before_stop has ended"));
    }
}

TEST_F(HooksOfAStop, AResignationARestartAndAnUnhealthyWorkloadAreOrderlyStops) {
    const std::string keys = in_yaml({{"before_stop", noting("before_stop")}, {"after_stop", noting("after_stop")}});
    const std::string sick = folder_.path("sick");
    Candidate& only = lead("only", keys + fmt::format("\nhealth: {{exec: [sh, -c, '! test -e {}'], interval: 50ms, "
                                                      "failure_threshold: 1}}\nrestart: {{cooldown: 1h, "
                                                      "initial_backoff: 10ms, max_backoff: 50ms, give_up_after: 0}}",
                                                      sick));
    ASSERT_TRUE(has_event("start")) << only.log();
    ASSERT_TRUE(shows(only, "/status", "\"state\": \"running\""));
    ASSERT_TRUE(control("only", "restart")) << read_file(folder_.path("said"));
    ASSERT_TRUE(eventually([&] { return events().size() >= 5; })) << only.log();
    write_file(sick, "");
    ASSERT_TRUE(eventually([&] { return events().size() >= 8; })) << only.log();
    std::filesystem::remove(sick);
    ASSERT_TRUE(eventually([&] { return events().size() >= 9 && events().back() == "start"; })) << only.log();
    ASSERT_TRUE(shows(only, "/status", "\"state\": \"running\"")) << only.log();
    ASSERT_TRUE(control("only", "resign")) << read_file(folder_.path("said"));
    ASSERT_TRUE(eventually([&] { return events().back() == "after_stop"; })) << only.log();
    const std::vector<std::string> all = events();
    ASSERT_EQ(all.size() % 4, 0U) << only.log();
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i], std::vector<std::string>({"start", "before_stop", "stop", "after_stop"})[i % 4]) << i;
    }
}

// ---- stop.command ---------------------------------------------------------------------------------------------------

TEST_F(HooksOfAStop, TheStopCommandTakesThePlaceOfTheSignal) {
    for (const std::string& containment : containments()) {
        SCOPED_TRACE(containment);
        forget();
        stops(name_for(containment),
              in_yaml({{"before_stop", noting("before_stop")}, {"after_stop", noting("after_stop")}}) +
                  fmt::format("\nstop: {{command: {}}}\ncontainment: {}", asks_otherwise(), containment),
              5, that_can_be_asked());
        EXPECT_THAT(events(), ElementsAre("start", "before_stop", "usr1", "after_stop"));
    }
}

TEST_F(HooksOfAStop, WhenTheStopCommandFailsTheSignalIsSentAfterAll) {
    const Candidate& fails = stops("fails", fmt::format("stop: {{command: {}}}", hook("fails", "exit 1\n")));
    EXPECT_TRUE(logs(fails, "workload.stop.command ended with status 1; the stop signal takes its place"));
    EXPECT_THAT(events(), ElementsAre("start", "stop"));
    forget();
    const Candidate& missing = stops("missing", "stop: {command: [/nonexistent/stop]}");
    EXPECT_TRUE(logs(missing, "workload.stop.command cannot be executed; the stop signal takes its place"));
    EXPECT_THAT(events(), ElementsAre("start", "stop"));
}

TEST_F(HooksOfAStop, AStopCommandThatDoesNotHelpEndsWithTheGracePeriod) {
    stops("idle", fmt::format("stop: {{grace_period: 1s, command: {}}}", hook("idle", "exit 0\n")), 128 + SIGKILL);
    EXPECT_THAT(events(), ElementsAre("start"));
    forget();
    stops("hangs", fmt::format("stop: {{grace_period: 3s, command: {}}}", hook("hangs", that_hangs("hung"))),
          128 + SIGKILL);
    EXPECT_TRUE(is_gone("hung"));
    EXPECT_THAT(events(), ElementsAre("start"));
}

TEST_F(HooksOfAStop, AStopCommandThatGoesOnAfterItsWorkIsDoneHasTheTimeOfAHook) {
    const Candidate& only =
        stops("only",
              fmt::format("hooks: {{timeout: 2s}}\nstop: {{grace_period: 1h, command: {}}}",
                          hook("stays", "kill -USR1 $LEASEHOLD_WORKLOAD_PID\n" + that_hangs("hung", false))),
              5, that_can_be_asked());
    EXPECT_TRUE(is_gone("hung", false)) << only.log();
    EXPECT_TRUE(logs(only, "workload.stop.command did not end in time and was killed")) << only.log();
}

TEST_F(HooksOfAStop, WhatTheWorkloadLeavesBehindGetsTheSignal) {
    const std::string child = fmt::format(
        "(trap 'echo child >> {0}; exit' TERM; echo $$ > {1}; "
        "while :; do sleep 0.02; done) & while ! test -s {1}; do sleep 0.02; done;",
        events_, folder_.path("child"));
    stops("only", fmt::format("stop: {{command: {}}}", asks_otherwise()), 5,
          that_notes(fmt::format("trap 'echo usr1 >> {}; exit 5' USR1; {}", events_, child)));
    EXPECT_THAT(events(), ElementsAre("start", "usr1", "child"));
}

// ---- after_stop -----------------------------------------------------------------------------------------------------

TEST_F(HooksOfAStop, AfterStopRunsWithTheLeaseHeldAndWhatItLeavesIsKilled) {
    const std::string script =
        fmt::format("(setsid sh -c 'trap \"\" TERM HUP; echo $$ > {}; exec sleep 1000' &)\n{}echo after_stop >> {}\n{}",
                    folder_.path("daemon"), wait_for_file("daemon"), events_, wait_for_file("go"));
    Candidate& leader = lead(
        "leader", in_yaml({{"after_stop", hook("after_stop", script)}}, "timeout: 1h") + "\nstop: {grace_period: 4s}",
        {}, kShortLease);
    ASSERT_TRUE(has_event("start")) << leader.log();
    const pid_t daemon_of_none = pid_in("daemon");
    EXPECT_EQ(daemon_of_none, 0);
    lead("standby", "",
         sh(fmt::format("kill -0 $(cat {}) && echo alive >> {}; echo successor >> {}; exec sleep 1000",
                        folder_.path("daemon"), events_, events_)),
         kShortLease);
    leader.process().signal(SIGTERM);
    ASSERT_TRUE(has_event("after_stop")) << leader.log();
    EXPECT_TRUE(shows(leader, "/status", "\"hook\": \"after_stop\""));
    let_pass(std::chrono::seconds(8));
    EXPECT_THAT(events(), Not(Contains("successor"))) << "the lease ran out, or the guardian lost its patience";
    write_file(folder_.path("go"), "now\n");
    ASSERT_TRUE(has_event("successor"));
    EXPECT_THAT(events(), ElementsAre("start", "stop", "after_stop", "successor"));
    EXPECT_FALSE(lives(pid_in("daemon")));
    EXPECT_EQ(leader.process().wait(), 7) << leader.log();
}

TEST_F(HooksOfAStop, AnAfterStopThatFailsOrHangsIsToldAndTheLeaseReleased) {
    const Candidate& fails = stops("fails", in_yaml({{"after_stop", hook("fails", "exit 6\n")}}));
    EXPECT_TRUE(logs(fails, "workload.hooks.after_stop ended with status 6")) << fails.log();
    const Candidate& hangs =
        stops("hangs", in_yaml({{"after_stop", hook("hangs", that_hangs("hung"))}}, "timeout: 2s"));
    EXPECT_TRUE(logs(hangs, "workload.hooks.after_stop did not end in time and was killed")) << hangs.log();
    EXPECT_TRUE(is_gone("hung")) << hangs.log();
    const Candidate& missing = stops("missing", "hooks: {after_stop: [/nonexistent/hook]}");
    EXPECT_TRUE(logs(missing, "workload.hooks.after_stop cannot be executed")) << missing.log();
    lead("last", "");
    EXPECT_TRUE(eventually([&] { return events().size() == 7; }));
}

TEST_F(HooksOfAStop, AfterStopFollowsAKillAtTheEndOfTheGracePeriod) {
    const std::string notes = "echo after_stop $LEASEHOLD_EXIT_STATUS >> " + events_ + "\n";
    stops("only", in_yaml({{"after_stop", hook("after_stop", notes)}}) + "\nstop: {grace_period: 500ms}", 128 + SIGKILL,
          that_notes("trap '' TERM;"));
    EXPECT_THAT(events(), ElementsAre("start", "after_stop 137"));
}

TEST_F(HooksOfAStop, TheHardInstantEndsWhateverRuns) {
    for (const char* which : {"before_stop", "after_stop"}) {
        SCOPED_TRACE(which);
        forget();
        std::filesystem::remove(folder_.path("hung"));
        const std::string name = std::string("at-the-hard-instant-of-") + which;
        Candidate& only = lead(
            name,
            in_yaml({{which, hook("hangs", that_hangs("hung", false))}}, "timeout: 1h") + "\nstop: {grace_period: 1h}",
            {}, kShortLease);
        ASSERT_TRUE(has_event("start")) << only.log();
        const pid_t agent = only.role("leasehold-agent");
        kill(agent, SIGSTOP);
        ASSERT_TRUE(eventually([&] { return pid_in("hung") > 0; })) << only.log();
        EXPECT_TRUE(is_gone("hung", false)) << only.log();
        EXPECT_TRUE(logs(only, "nothing of the workload is left")) << only.log();
        kill(agent, SIGCONT);
        only.process().signal(SIGTERM);
        EXPECT_TRUE(only.process().wait()) << only.log();
    }
}

TEST_F(HooksOfAStop, ACheckSaysThatItMakesAPlannedStopLonger) {
    const std::string file = folder_.path("check.yaml");
    write_file(file, fmt::format("election: {{name: check, store: {{file: {{path: {}}}}}}}\n"
                                 "workload: {{command: [sleep, '1'], stop: {{grace_period: 31s}},"
                                 " hooks: {{after_stop: ['true'], timeout: 17s}}}}\n",
                                 folder_.path("check.lease")));
    Process check({.arguments = {leasehold_program(), "check", "--config", file},
                   .output = folder_.path("said"),
                   .environment = {}});
    EXPECT_EQ(check.wait(), 0) << read_file(folder_.path("said"));
    EXPECT_THAT(read_file(folder_.path("said")), testing::HasSubstr("31s, then after_stop 17s"));
}

// ---- and whatever else happens -----------------------------------------------------------------------------------

TEST_F(HooksOfAStop, PausedTheHooksOfAnEndByItselfRunAndNothingFollows) {
    Candidate& only =
        lead("only", in_yaml({{"before_start", noting("before_start")}, {"after_stop", noting("after_stop")}}) +
                         "\nrestart: {policy: always, initial_backoff: 10ms}");
    ASSERT_TRUE(has_event("start")) << only.log();
    ASSERT_TRUE(control("only", "pause")) << read_file(folder_.path("said"));
    kill(pid_in("workload.pid"), SIGKILL);
    ASSERT_TRUE(has_event("after_stop")) << only.log();
    ASSERT_TRUE(shows(only, "/status", "\"state\": \"held\"")) << only.log();
    EXPECT_THAT(events(), ElementsAre("before_start", "start", "after_stop"));
    ASSERT_TRUE(control("only", "resume")) << read_file(folder_.path("said"));
    EXPECT_TRUE(eventually([&] { return events().size() == 5; })) << only.log();
}

TEST_F(HooksOfAStop, ASupervisorIsKilledDuringEachAndTheGuardianLeavesNothing) {
    for (const std::string which : {"before_start", "after_start", "before_stop", "stop", "after_stop"}) {
        SCOPED_TRACE(which);
        forget();
        for (const char* file : {"hung", "hungd"}) std::filesystem::remove(folder_.path(file));
        const std::string command = hook(which, that_hangs("hung"));
        const std::string keys = which == "stop" ? fmt::format("stop: {{command: {}}}", command)
                                                 : in_yaml({{which, command}}, "timeout: 1h");
        Candidate& only = lead("killed-in-" + which, keys);
        if (!which.ends_with("_start")) {
            ASSERT_TRUE(has_event("start")) << only.log();
            only.process().signal(SIGTERM);
        }
        ASSERT_TRUE(eventually([&] { return pid_in("hung") > 0; })) << only.log();
        const pid_t hung = pid_in("hung"), daemon = pid_in("hungd");
        kill(only.role("leasehold-super"), SIGKILL);
        ASSERT_TRUE(logs(only, "the guardian has emptied what the supervisor left behind")) << only.log();
        EXPECT_FALSE(lives(hung)) << only.log();
        EXPECT_FALSE(lives(daemon)) << only.log();
        only.process().signal(SIGTERM);
        EXPECT_TRUE(only.process().wait()) << only.log();
    }
}

TEST_F(HooksOfAStop, AReloadChangesTheHooksOfTheNextStartAndTheStopCommandAtOnce) {
    Candidate& only =
        lead("only",
             in_yaml({{"before_start", noting("old_before_start")}, {"after_stop", noting("old_after_stop")}}) +
                 "\nrestart: {initial_backoff: 10ms}",
             that_can_be_asked());
    ASSERT_TRUE(has_event("start")) << only.log();
    ASSERT_TRUE(shows(only, "/status", "\"state\": \"running\"")) << only.log();
    const std::string path = folder_.path("only.yaml");
    std::string text = read_file(path);
    const std::size_t at = text.find("  hooks: {");
    ASSERT_NE(at, std::string::npos) << text;
    const std::string changed =
        "  " + in_yaml({{"before_start", noting("new_before_start")}, {"after_stop", noting("new_after_stop")}}) +
        "\n  stop: {command: " + asks_otherwise() + "}";
    write_file(path, text.replace(at, text.find('\n', at) - at, changed));
    ASSERT_TRUE(control("only", "reload")) << read_file(folder_.path("said"));
    ASSERT_TRUE(shows(only, "/status", "\"state\": \"running\"")) << only.log();
    ASSERT_TRUE(control("only", "restart")) << read_file(folder_.path("said"));
    ASSERT_TRUE(eventually([&] { return events().size() == 6; })) << only.log();
    only.process().signal(SIGTERM);
    EXPECT_EQ(only.process().wait(), 5) << only.log();
    EXPECT_THAT(events(), ElementsAre("old_before_start", "start", "usr1", "old_after_stop", "new_before_start",
                                      "start", "usr1", "new_after_stop"));
}

}  // namespace
}  // namespace leasehold::harness
