// SPDX-License-Identifier: Apache-2.0
//
// What is executed while another leads: workload.standby_command, workload.hooks.on_new_leader and
// workload.candidacy.exec.
//
// The scripts of one candidate exclude each other by a lock (flock(1)) on a file of that candidate's, which everything
// they fork inherits: who does not get it, has met another tree, and says so.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "tests/e2e/control_fixture.h"

namespace leasehold::harness {
namespace {

constexpr const char* kQuickly = "  restart: {initial_backoff: 10ms, max_backoff: 50ms, cooldown: 1h}\n";
constexpr const char* kForEver = "while :; do sleep 0.1; done";

class Standby : public WithControl {
protected:
    void SetUp() override {
        WithControl::SetUp();
        write_script("leader", kForEver);
        write_script("standby", kForEver);
    }

    void TearDown() override {
        WithControl::TearDown();
        EXPECT_EQ(read_file(folder_.path("overlap")), "");
    }

    // What it does first, and after it has the lock and has said who it is.
    void write_script(const std::string& name, const std::string& then, const std::string& first = ":") {
        write_file(folder_.path(name), fmt::format("{5}\nexec 9>> {0}.$LEASEHOLD_IDENTITY.lock\n"
                                                   "flock -n 9 || echo {1} $LEASEHOLD_IDENTITY >> {2}\n"
                                                   "echo $LEASEHOLD_IDENTITY {1} $$ >> {3}\n{4}\n",
                                                   folder_.path("tree"), name, folder_.path("overlap"),
                                                   folder_.path("trees"), then, first));
    }

    std::string by_script(const std::string& key, const std::string& name) const {
        return fmt::format("  {}: [sh, {}]\n", key, folder_.path(name));
    }

    Candidate& start_pair_member(const std::string& name, const std::string& workload = "") {
        return start(name, {.command = {"sh", folder_.path("leader")},
                            .extra = fmt::format("control: {{socket: {}}}\n", socket_of(name)),
                            .workload = by_script("standby_command", "standby") + kQuickly + workload});
    }

    // Those that a script has written for this candidate: their process ids.
    std::vector<pid_t> trees_of(const std::string& name, const std::string& script) const {
        std::vector<pid_t> pids;
        std::istringstream lines(read_file(folder_.path("trees")));
        std::string who, what;
        for (pid_t pid = 0; lines >> who >> what >> pid;) {
            if (who == name && what == script) pids.push_back(pid);
        }
        return pids;
    }

    bool runs_as(const std::string& name, const std::string& script, std::size_t count = 1) {
        return eventually([&] { return trees_of(name, script).size() >= count; });
    }

    static bool is_gone(pid_t pid) {
        return eventually([&] { return !lives(pid); });
    }

    // With `a` leading.
    Candidate& start_standby(const std::string& workload = "", const std::string& workload_of_leader = "") {
        start_pair_member("a", workload_of_leader);
        EXPECT_TRUE(runs_as("a", "leader")) << candidate_named("a").log();
        Candidate& b = start_pair_member("b", workload);
        EXPECT_TRUE(runs_as("b", "standby")) << b.log();
        return b;
    }

    Candidate& a() { return candidate_named("a"); }
};

// ---- the pair -------------------------------------------------------------------------------------------------------

TEST_F(Standby, ACommandForEachPartAndNeverBothAtOnce) {
    Candidate& b = start_standby();
    EXPECT_TRUE(trees_of("a", "standby").empty()) << "an uncontested start waited for a standby command\n" << a().log();
    EXPECT_TRUE(trees_of("b", "leader").empty()) << b.log();
    const auto pid = trees_of("b", "standby")[0];
    EXPECT_TRUE(eventually([&] { return status_of("b")["standby"]["pid"] == pid; })) << b.log();
    EXPECT_EQ(status_of("b")["standby"]["state"], "running");
    EXPECT_NE(tell("b", {"status"}).text.find(fmt::format("running, process {}", pid)), std::string::npos);
    EXPECT_EQ(status_of("a")["standby"]["state"], "stopped");
    a().kill_all();
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
    EXPECT_FALSE(lives(pid));
    EXPECT_EQ(trees_of("b", "standby").size(), 1U);
}

TEST_F(Standby, ItIsToldItsPartAndNothingOfATerm) {
    write_script("standby", "env > " + folder_.path("environment") + ".new; mv " + folder_.path("environment") +
                                ".new " + folder_.path("environment") + "; " + kForEver);
    Candidate& b = start_standby("  env: {PLACE: here}\n");
    ASSERT_TRUE(eventually([&] { return !read_file(folder_.path("environment")).empty(); })) << b.log();
    const std::string environment = '\n' + read_file(folder_.path("environment"));
    for (const char* line :
         {"\nLEASEHOLD_ROLE=standby\n", "\nLEASEHOLD_IDENTITY=b\n", "\nLEASEHOLD_ELECTION=test\n", "\nPLACE=here\n"}) {
        EXPECT_NE(environment.find(line), std::string::npos) << line << environment;
    }
    for (const char* name : {"LEASEHOLD_FENCING_TOKEN", "LEASEHOLD_TRANSITIONS", "LEASEHOLD_TERM_ID"}) {
        EXPECT_EQ(environment.find(name), std::string::npos) << name;
    }
}

TEST_F(Standby, AfterTheTermItIsTheStandbyCommandsTurn) {
    Candidate& b = start_standby();
    ASSERT_EQ(tell("a", {"resign"}).status, 0);
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
    ASSERT_TRUE(runs_as("a", "standby")) << a().log();
    EXPECT_FALSE(lives(trees_of("a", "leader")[0]));
}

// Nobody holds the lease, but this candidate does not contend.
TEST_F(Standby, WhoRestsOrIsPausedIsAStandbyToo) {
    Candidate& only = start_pair_member("a");
    ASSERT_TRUE(runs_as("a", "leader")) << only.log();
    ASSERT_EQ(tell("a", {"resign"}).status, 0);
    ASSERT_TRUE(runs_as("a", "standby")) << only.log();
    EXPECT_EQ(tell("a", {"pause"}).status, 0);
    EXPECT_EQ(trees_of("a", "standby").size(), 1U) << "started anew, though nothing has changed";
}

// The lease is taken, and held, while the standby command goes.
TEST_F(Standby, WhatDoesNotStopIsKilledAfterTheGracePeriodAndTheLeaseIsHeldMeanwhile) {
    write_script("standby", kForEver, "trap '' TERM");
    Candidate& b = start_standby("  stop: {grace_period: 3s}\n");
    a().process().signal(SIGTERM);
    ASSERT_TRUE(logs(b, "asking the standby command to stop: SIGTERM")) << b.log();
    Candidate& c = start_pair_member("c");  // would lead within the lease of a second
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
    EXPECT_TRUE(logs(b, "killing the standby command's tree"));
    EXPECT_TRUE(trees_of("c", "leader").empty()) << c.log();
    EXPECT_EQ(b.log().find("killing the workload's tree"), std::string::npos) << b.log();
}

// A term that ends meanwhile ends without a workload.
TEST_F(Standby, ATermMayEndBeforeTheStandbyCommandIsGone) {
    write_script("standby", kForEver, "trap '' TERM");
    Candidate& b = start_standby("  stop: {grace_period: 1h}\n");
    a().process().signal(SIGTERM);
    ASSERT_TRUE(logs(b, "asking the standby command to stop: SIGTERM")) << b.log();
    ASSERT_EQ(tell("b", {"resign"}).status, 0) << b.log();
    Candidate& c = start_pair_member("c");
    ASSERT_TRUE(runs_as("c", "leader")) << c.log() << b.log();
    EXPECT_TRUE(trees_of("b", "leader").empty());
    b.process().signal(SIGTERM);
    ASSERT_TRUE(logs(b, "guardian: the agent has finished")) << b.log();  // two at once would be one
    b.process().signal(SIGTERM);
    EXPECT_EQ(b.process().wait(), 0);
}

class StandbyContainment : public Standby, public testing::WithParamInterface<const char*> {};

TEST_P(StandbyContainment, WhatHasDaemonisedItselfIsGoneBeforeTheWorkloadStarts) {
    write_script("standby", "setsid sh -c 'trap \"\" TERM; " + std::string(kForEver) + "' & " + kForEver);
    Candidate& b = start_standby(fmt::format("  stop: {{grace_period: 300ms}}\n  containment: {}\n", GetParam()));
    a().kill_all();
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
    // And if the supervisor cannot see to it, the guardian does.
    ASSERT_EQ(tell("b", {"resign"}).status, 0);
    ASSERT_TRUE(runs_as("b", "standby", 2)) << b.log();
    kill(b.role("leasehold-super"), SIGKILL);
    ASSERT_TRUE(runs_as("b", "standby", 3)) << b.log();
}

INSTANTIATE_TEST_SUITE_P(Methods, StandbyContainment, testing::Values("auto", "subreaper", "namespace"),
                         [](const auto& method) { return std::string(method.param); });

// Two candidates on one machine: the new leader clears what earlier runs have left, not what the other's standby runs.
TEST_F(Standby, ALeaderOnTheSameMachineLeavesItAlone) {
    start_standby();
    start_pair_member("c");
    ASSERT_TRUE(runs_as("c", "standby"));
    a().kill_all();
    ASSERT_TRUE(eventually([&] { return !trees_of("b", "leader").empty() || !trees_of("c", "leader").empty(); }));
    const std::string other = trees_of("b", "leader").empty() ? "b" : "c";
    EXPECT_TRUE(lives(trees_of(other, "standby")[0])) << candidate_named(other).log();
    EXPECT_EQ(trees_of(other, "standby").size(), 1U) << candidate_named(other).log();
}

// ---- faults ---------------------------------------------------------------------------------------------------------

TEST_F(Standby, WhatAKilledSupervisorLeavesIsEmptiedAndStartedAnew) {
    Candidate& b = start_standby();
    const auto pid = trees_of("b", "standby")[0];
    kill(b.role("leasehold-super"), SIGKILL);
    ASSERT_TRUE(runs_as("b", "standby", 2)) << b.log();
    EXPECT_FALSE(lives(pid));
}

TEST_F(Standby, AnAgentThatDiesLeavesItAlone) {
    Candidate& b = start_standby();
    const pid_t agent = b.role("leasehold-agent");
    const auto pid = trees_of("b", "standby")[0];
    kill(agent, SIGKILL);
    ASSERT_TRUE(eventually([&] { return b.role("leasehold-agent") != agent && b.role("leasehold-agent") > 0; }));
    ASSERT_TRUE(eventually([&] { return status_of("b").is_object() && status_of("b")["standby"]["pid"] == pid; }))
        << b.log();
    a().kill_all();
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
    EXPECT_EQ(trees_of("b", "standby").size(), 1U);
}

TEST_F(Standby, WhatAnEarlierRunLeftIsKilledBeforeItIsWaitedFor) {
    const std::string told = folder_.path("daemon");
    write_script("leader", fmt::format("setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; {1}' & wait", told, kForEver));
    write_script("standby", kForEver, "trap '' TERM");
    Candidate& b = start_standby("  stop: {grace_period: 1h}\n");
    ASSERT_TRUE(eventually([&] { return !read_file(told).empty(); })) << a().log();
    const pid_t left_behind = std::stoi(read_file(told));
    a().kill_all();
    ASSERT_TRUE(logs(b, "asking the standby command to stop: SIGTERM")) << b.log();
    EXPECT_TRUE(is_gone(left_behind)) << b.log();
    const pid_t standby = trees_of("b", "standby")[0];
    EXPECT_TRUE(lives(standby));
    EXPECT_TRUE(trees_of("b", "leader").empty());
    kill(standby, SIGKILL);
    EXPECT_TRUE(runs_as("b", "leader")) << b.log();
}

TEST_F(Standby, AGuardianThatDiesTakesItAlong) {
    Candidate& b = start_standby();
    const auto pid = trees_of("b", "standby")[0];
    kill(b.guardian(), SIGKILL);
    EXPECT_TRUE(is_gone(pid)) << b.log();
}

// ---- its end --------------------------------------------------------------------------------------------------------

TEST_F(Standby, AStopStopsItFirst) {
    write_script("standby", kForEver, "trap 'echo stopped >> " + folder_.path("said_so") + "; exit 7' TERM");
    Candidate& b = start_standby();
    b.process().signal(SIGTERM);
    EXPECT_EQ(b.process().wait(), 0) << b.log();
    EXPECT_EQ(read_file(folder_.path("said_so")), "stopped\n");
    EXPECT_FALSE(lives(trees_of("b", "standby")[0]));
}

TEST_F(Standby, AStopIsNoLongerThanTheGracePeriod) {
    write_script("standby", kForEver, "trap '' TERM");
    Candidate& b = start_standby("  stop: {grace_period: 200ms}\n");
    b.process().signal(SIGTERM);
    EXPECT_EQ(b.process().wait(), 0) << b.log();
    EXPECT_FALSE(lives(trees_of("b", "standby")[0]));
}

TEST_F(Standby, ASecondStopKillsIt) {
    write_script("standby", kForEver, "trap '' TERM");
    Candidate& b = start_standby("  stop: {grace_period: 1h}\n");
    b.process().signal(SIGTERM);
    ASSERT_TRUE(logs(b, "asking the standby command to stop")) << b.log();
    let_pass(std::chrono::seconds(2));
    EXPECT_TRUE(b.process().running()) << "it has not used its grace period";
    b.process().signal(SIGTERM);
    EXPECT_EQ(b.process().wait(), 0) << b.log();
    EXPECT_FALSE(lives(trees_of("b", "standby")[0]));
}

TEST_F(Standby, ItIsStartedAgainForEver) {
    write_script("standby", "exit 3");
    Candidate& b = start_standby();
    ASSERT_TRUE(runs_as("b", "standby", 8)) << b.log();
    EXPECT_TRUE(logs(b, "standby command ended by itself with status 3")) << b.log();
    EXPECT_TRUE(logs(b, "the standby command ended with status 3; started again in")) << b.log();
    EXPECT_EQ(status_of("b")["standby"]["last_exit_code"], 3);
    a().kill_all();
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
}

TEST_F(Standby, OneThatCannotBeExecutedIsTriedAgain) {
    start_pair_member("a");
    ASSERT_TRUE(runs_as("a", "leader")) << a().log();
    Candidate& b = start("b", {.command = {"sh", folder_.path("leader")},
                               .extra = fmt::format("control: {{socket: {}}}\n", socket_of("b")),
                               .workload = std::string("  standby_command: [/nowhere/follow]\n") + kQuickly});
    ASSERT_TRUE(logs(b, "workload.standby_command: ")) << b.log();
    EXPECT_TRUE(eventually([&] { return status_of("b")["standby"]["last_exit_code"] == 127; })) << b.log();
    EXPECT_TRUE(logs(b, "the standby command cannot be executed (status 127); tried again in")) << b.log();
    EXPECT_EQ(b.log().find("started the standby command"), std::string::npos) << b.log();
    a().kill_all();
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
}

TEST_F(Standby, ItGetsTheSignalsAndItsRestartIsAskedForLikeTheWorkloads) {
    write_script("standby", "trap 'echo usr1 >> " + folder_.path("said_so") + "' USR1; echo > " +
                                folder_.path("listens") + "; " + kForEver);
    Candidate& b = start_standby();
    ASSERT_TRUE(eventually([&] { return !read_file(folder_.path("listens")).empty(); }));
    b.process().signal(SIGUSR1);
    EXPECT_TRUE(eventually([&] { return read_file(folder_.path("said_so")) == "usr1\n"; })) << b.log();
    const Said said = tell("b", {"restart"});
    EXPECT_EQ(said.status, 0) << said.text;
    EXPECT_NE(said.text.find("started the standby command anew, process "), std::string::npos) << said.text;
    ASSERT_TRUE(runs_as("b", "standby", 2)) << b.log();
    EXPECT_TRUE(trees_of("b", "leader").empty());
}

// ---- on_new_leader --------------------------------------------------------------------------------------------------

class NewLeader : public Standby {
protected:
    std::string hook(const std::string& script, const std::string& timeout = "10s") {
        write_file(folder_.path("hook"), script);
        return fmt::format("  hooks: {{on_new_leader: [sh, {}], timeout: {}}}\n", folder_.path("hook"), timeout);
    }

    std::string that_says() {
        return hook("echo $LEASEHOLD_IDENTITY $LEASEHOLD_ROLE $LEASEHOLD_HOOK $LEASEHOLD_LEADER >> " +
                    folder_.path("told"));
    }

    bool was_told(const std::string& line) {
        return eventually([&] { return read_file(folder_.path("told")).find(line + '\n') != std::string::npos; });
    }
};

TEST_F(NewLeader, EveryCandidateIsTold) {
    const std::string keys = that_says();
    Candidate& b = start_standby(keys, keys);
    EXPECT_TRUE(was_told("a leader on_new_leader a")) << a().log();
    EXPECT_TRUE(was_told("b standby on_new_leader a")) << b.log();
    kill(b.role("leasehold-agent"), SIGKILL);
    kill(b.role("leasehold-super"), SIGKILL);
    ASSERT_TRUE(runs_as("b", "standby", 2)) << b.log();
    ASSERT_EQ(tell("a", {"resign"}).status, 0);
    EXPECT_TRUE(was_told("b leader on_new_leader b")) << b.log();
    EXPECT_TRUE(was_told("a standby on_new_leader b")) << a().log();
}

// Without a standby command it is a tree of its own.
TEST_F(NewLeader, AlsoWhereNothingElseRuns) {
    const std::string keys = that_says();
    start_pair_member("a");
    ASSERT_TRUE(runs_as("a", "leader")) << a().log();
    Candidate& b = start("b", {.command = {"sh", folder_.path("leader")}, .workload = keys});
    EXPECT_TRUE(was_told("b standby on_new_leader a")) << b.log();
    a().kill_all();
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
    EXPECT_TRUE(was_told("b leader on_new_leader b")) << b.log();
}

TEST_F(NewLeader, OneThatHangsIsKilled) {
    const std::string keys = hook("trap '' TERM; echo $$ >> " + folder_.path("told") + "; " + kForEver, "500ms");
    Candidate& b = start_standby(keys);
    ASSERT_TRUE(logs(b, "workload.hooks.on_new_leader for a: it takes too long, and was killed")) << b.log();
    EXPECT_TRUE(is_gone(std::atoi(read_file(folder_.path("told")).c_str())));
    EXPECT_EQ(trees_of("b", "standby").size(), 1U) << b.log();
}

// A start of the workload does not wait for one that still has time.
TEST_F(NewLeader, OneUnderWayDoesNotHoldUpTheWorkload) {
    const std::string keys = hook("trap '' TERM; echo $$ >> " + folder_.path("told") + "; " + kForEver, "1h");
    Candidate& b = start_standby(keys);
    ASSERT_TRUE(eventually([&] { return !read_file(folder_.path("told")).empty(); })) << b.log();
    a().kill_all();
    ASSERT_TRUE(runs_as("b", "leader")) << b.log();
    EXPECT_FALSE(lives(std::atoi(read_file(folder_.path("told")).c_str())));
}

TEST_F(NewLeader, WhatItPrintsAndHowItEndsDoesNotMatter) {
    const std::string keys = hook("head -c 8000000 /dev/zero; echo done >> " + folder_.path("told") + "; exit 5");
    Candidate& b = start_standby(keys);
    EXPECT_TRUE(was_told("done")) << b.log();
    EXPECT_TRUE(logs(b, "workload.hooks.on_new_leader for a: it ended with status 5")) << b.log();
    EXPECT_EQ(trees_of("b", "standby").size(), 1U);
}

TEST_F(NewLeader, OneThatIsNotThereIsAWarning) {
    Candidate& b = start_standby("  hooks: {on_new_leader: [/nowhere/told]}\n");
    EXPECT_TRUE(logs(b, "workload.hooks.on_new_leader for a: it cannot be executed: No such file")) << b.log();
    EXPECT_EQ(trees_of("b", "standby").size(), 1U);
}

// ---- candidacy.exec -------------------------------------------------------------------------------------------------

class CandidacyByCommand : public Standby {
protected:
    std::string fresh() const { return folder_.path("fresh"); }

    std::string candidacy(const std::string& script, const std::string& more = "") {
        write_file(folder_.path("able"), script);
        return fmt::format("  candidacy: {{exec: [sh, {}], interval: 50ms, timeout: 30s{}}}\n", folder_.path("able"),
                           more);
    }
    std::string candidacy() { return candidacy("test -e " + fresh()); }

    Candidate& start_alone(const std::string& name, const std::string& keys) {
        return start(name, {.command = {"sh", folder_.path("leader")},
                            .extra = fmt::format("control: {{socket: {}}}\n", socket_of(name)),
                            .workload = keys});
    }
};

TEST_F(CandidacyByCommand, WhoIsNoCandidateDoesNotContend) {
    Candidate& only = start_pair_member("a", candidacy());
    ASSERT_TRUE(runs_as("a", "standby")) << only.log();
    ASSERT_TRUE(logs(only, "candidacy: failed (3 in a row): status 1; not contending")) << only.log();
    let_pass(std::chrono::seconds(3));
    EXPECT_TRUE(trees_of("a", "leader").empty()) << only.log();
    write_file(fresh(), "");
    ASSERT_TRUE(runs_as("a", "leader")) << only.log();
    EXPECT_EQ(trees_of("a", "standby").size(), 1U) << only.log();
}

TEST_F(CandidacyByCommand, AlsoWithoutAStandbyCommand) {
    Candidate& only = start_alone("a", candidacy());
    ASSERT_TRUE(logs(only, "candidacy: failed (3 in a row): status 1; not contending")) << only.log();
    write_file(fresh(), "");
    ASSERT_TRUE(runs_as("a", "leader")) << only.log();
}

TEST_F(CandidacyByCommand, OneThatHangsIsKilledAndHasFailed) {
    write_file(folder_.path("able"), "echo $$ >> " + folder_.path("asked") + "; test -e " + fresh() + " || sleep 1000");
    Candidate& only = start_alone(
        "a", fmt::format("  candidacy: {{exec: [sh, {}], interval: 50ms, timeout: 300ms}}\n", folder_.path("able")));
    ASSERT_TRUE(logs(only, "took longer than 300ms, and was killed; not contending")) << only.log();
    EXPECT_TRUE(is_gone(std::atoi(read_file(folder_.path("asked")).c_str())));
    write_file(fresh(), "");
    EXPECT_TRUE(runs_as("a", "leader")) << only.log();
}

TEST_F(CandidacyByCommand, ALeaderThatIsNoCandidateAnyMoreStaysAndIsAskedOn) {
    write_file(fresh(), "");
    Candidate& only = start_alone("a", candidacy());
    ASSERT_TRUE(runs_as("a", "leader")) << only.log();
    std::filesystem::remove(fresh());
    ASSERT_TRUE(logs(only, "leading all the same, but not contending after that")) << only.log();
    EXPECT_TRUE(lives(trees_of("a", "leader")[0]));
    EXPECT_EQ(trees_of("a", "leader").size(), 1U);
}

TEST_F(CandidacyByCommand, APauseOfTheStandbyCommandIsToldOnceWhateverIsAskedMeanwhile) {
    start_pair_member("a");
    ASSERT_TRUE(runs_as("a", "leader")) << a().log();
    write_script("standby", "exit 3");
    const std::string once = by_script("standby_command", "standby") +
                             "  restart: {initial_backoff: 10m, max_backoff: 10m}\n" +
                             candidacy("test -e " + fresh(), ", failure_threshold: 1");
    Candidate& b = start_alone("b", once);
    const std::string told = "the standby command ended with status 3; started again in";
    ASSERT_TRUE(logs(b, told)) << b.log();
    const std::size_t first = b.log().find(told);
    for (int i = 0; i < 3; ++i) {
        const std::size_t so_far = b.log().size();
        write_file(fresh(), "");
        ASSERT_TRUE(logs(b, "candidacy: passed: status 0", so_far)) << b.log();
        std::filesystem::remove(fresh());
        ASSERT_TRUE(logs(b, "candidacy: failed (1 in a row)", so_far)) << b.log();
    }
    EXPECT_EQ(b.log().find(told, first + 1), std::string::npos) << b.log();
}

// A new one begins by asking, and is not told what an earlier one has heard.
TEST_F(CandidacyByCommand, ANewAgentIsToldAtOnce) {
    Candidate& only = start_alone("a", candidacy("exit 1", ", failure_threshold: 1"));
    ASSERT_TRUE(logs(only, "candidacy: failed (1 in a row): status 1; not contending")) << only.log();
    const std::size_t so_far = only.log().size();
    kill(only.role("leasehold-agent"), SIGKILL);
    EXPECT_TRUE(logs(only, "candidacy: failed (1 in a row): status 1; not contending", so_far)) << only.log();
}

}  // namespace
}  // namespace leasehold::harness
