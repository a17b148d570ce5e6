// SPDX-License-Identifier: Apache-2.0
//
// Who and what the workload's process is: user, groups, limits, folder, environment.
#include <csignal>
#include <filesystem>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

class WorkloadProcess : public testing::Test {
protected:
    void SetUp() override { std::filesystem::permissions(folder_.path(), std::filesystem::perms::all); }

    // What a shell command of the workload prints, and leasehold's exit status and output.
    struct Outcome {
        int status = -1;
        std::string said;
        std::string log;
    };

    Outcome run(const std::string& keys, const std::string& script, std::vector<std::string> launcher = {}) {
        const std::string said = folder_.path(fmt::format("said{}", ++runs_));
        std::string workload;
        if (!keys.empty()) workload = "  " + keys + "\n";
        Candidate candidate({.folder = folder_.path(),
                             .name = fmt::format("run{}", runs_),
                             .command = {"/bin/sh", "-c", fmt::format("({}) > {} 2>&1", script, said)},
                             .lease = folder_.path("test.lease"),
                             .workload = workload,
                             .launcher = std::move(launcher),
                             .environment = {"INHERITED=1"}});
        const int status = candidate.process().wait().value_or(-1);
        return {status, read_file(said), candidate.log()};
    }

    TempFolder folder_;
    int runs_ = 0;
};

class AsRoot : public WorkloadProcess {
protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
        WorkloadProcess::SetUp();
    }
};

TEST_F(AsRoot, IsTheUserWithTheGroupAndTheGroupsThatWereAsked) {
    const std::string who = "id -u; id -g; id -G; echo $USER $LOGNAME $HOME";
    const Outcome named = run("user: nobody", who);
    EXPECT_EQ(named.status, 0) << named.log;
    EXPECT_EQ(named.said, "65534\n65534\n65534\nnobody nobody /nonexistent\n");
    const Outcome lines = run("user: 4242\n  group: 4343\n  supplementary_groups: [7, 5]", "id -u; id -g; id -G");
    EXPECT_EQ(lines.status, 0) << lines.log;
    EXPECT_EQ(lines.said, "4242\n4343\n4343 5 7\n");
    EXPECT_EQ(run("group: 4343", "id -u; id -g").said, "0\n4343\n");
    EXPECT_EQ(run("supplementary_groups: []", "id -G").said, "0\n");
}

TEST_F(AsRoot, CannotBeRootAgain) {
    const Outcome outcome =
        run("user: nobody", "grep -E '^(Uid|Gid|CapEff|CapPrm):' /proc/self/status | tr -s '\\t ' ' '");
    EXPECT_EQ(outcome.said,
              "Uid: 65534 65534 65534 65534\nGid: 65534 65534 65534 65534\n"
              "CapPrm: 0000000000000000\nCapEff: 0000000000000000\n");
}

// The whole tree of another user is killed all the same, and the parent-death signal survives the change.
TEST_F(AsRoot, IsStoppedAndKilledAsAnother) {
    const std::string up = folder_.path("up"), script = folder_.path("script");
    write_file(script, fmt::format("trap '' TERM\nsetsid sleep 1000 &\necho up > {}\nwhile :; do sleep 1; done\n", up));
    Candidate candidate({.folder = folder_.path(),
                         .name = "stubborn",
                         .command = {"/bin/sh", script},
                         .workload = "  user: nobody\n  stop: {grace_period: 100ms}\n"});
    ASSERT_TRUE(eventually([&] { return read_file(up) == "up\n"; })) << candidate.log();
    const auto tree = descendants_of(candidate.role("leasehold-super"));
    ASSERT_GE(tree.size(), 2U);
    candidate.process().signal(SIGTERM);
    EXPECT_EQ(candidate.process().wait(), 128 + SIGKILL) << candidate.log();
    for (const pid_t process : tree) EXPECT_FALSE(lives(process));
}

TEST_F(AsRoot, HasItsLimitsNiceAndScore) {
    const Outcome outcome =
        run("limits: {nofile: \"100:200\", core: 0}\n  nice: 5\n"
            "  oom_score_adj: 321\n  umask: \"027\"",
            "ulimit -Sn; ulimit -Hn; ulimit -c; nice; cat /proc/self/oom_score_adj; umask");
    EXPECT_EQ(outcome.status, 0) << outcome.log;
    EXPECT_EQ(outcome.said, "100\n200\n0\n5\n321\n0027\n");
}

TEST_F(WorkloadProcess, IsInItsFolderAndFindsItsCommandFromThere) {
    const std::string folder = folder_.path("home");
    std::filesystem::create_directory(folder);
    EXPECT_EQ(run("working_directory: " + folder, "pwd").said, folder + "\n");
    write_file(folder + "/run", "#!/bin/sh\nexit 7\n");
    std::filesystem::permissions(folder + "/run", std::filesystem::perms::all);
    Candidate candidate({.folder = folder_.path(),
                         .name = "relative",
                         .command = {"./run"},
                         .workload = "  working_directory: " + folder + "\n"});
    EXPECT_EQ(candidate.process().wait(), 7) << candidate.log();
}

TEST_F(WorkloadProcess, EnvironmentIsInheritedReadFromAFileAndCanBeginEmpty) {
    const std::string file = folder_.path("env");
    write_file(file, "# a comment\n\nFROM_FILE=a b = \"c\"\nBOTH=file\r\n");
    const std::string keys = fmt::format("env_file: {}\n  env: {{BOTH: key}}", file);
    const Outcome all = run(keys, "echo $INHERITED $FROM_FILE $BOTH");
    EXPECT_EQ(all.said, "1 a b = \"c\" key\n") << all.log;
    const Outcome clear = run(keys + "\n  clear_env: true", "env | cut -d= -f1 | sort | tr '\\n' ' '");
    EXPECT_EQ(clear.status, 0) << clear.log;
    EXPECT_EQ(clear.said.find("INHERITED"), std::string::npos);
    for (const char* name : {"PATH ", "BOTH ", "FROM_FILE ", "LEASEHOLD_FENCING_TOKEN "}) {
        EXPECT_NE(clear.said.find(name), std::string::npos) << clear.said;
    }
}

// One message that names the key, the documented status, and nothing is started.
// The agent has credentials in its memory. The workload keeps the limit that it would have by itself.
TEST_F(WorkloadProcess, OnlyTheAgentLeavesNoCore) {
    rlimit own{};
    ASSERT_EQ(getrlimit(RLIMIT_CORE, &own), 0);
    if (own.rlim_max == 0) GTEST_SKIP() << "nobody may leave a core here";
    const rlimit allowed{own.rlim_max, own.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_CORE, &allowed), 0);
    const std::string up = folder_.path("up");
    Candidate candidate(
        {.folder = folder_.path(),
         .name = "core",
         .command = {"/bin/sh", "-c", fmt::format("ulimit -Sc > {0}.new; mv {0}.new {0}; sleep 1000", up)},
         .lease = folder_.path("test.lease")});
    ASSERT_EQ(setrlimit(RLIMIT_CORE, &own), 0);
    ASSERT_TRUE(eventually([&] { return !read_file(up).empty(); })) << candidate.log();
    EXPECT_NE(read_file(up), "0\n");
    const std::string limits = read_file(fmt::format("/proc/{}/limits", candidate.role("leasehold-agent")));
    const std::size_t at = limits.find("Max core file size");
    ASSERT_NE(at, std::string::npos);
    std::istringstream line(limits.substr(at + std::string("Max core file size").size()));
    std::string soft, hard;
    line >> soft >> hard;
    EXPECT_EQ(soft, "0");
    EXPECT_NE(hard, "0");
}

// execve(2) keeps that, and then the kernel tells nobody how a child has ended.
TEST_F(WorkloadProcess, IsStartedByWhoeverIgnoresTheEndOfChildren) {
    const std::vector<std::string> launcher{"sh", "-c", "trap '' CHLD; exec \"$@\"", "sh"};
    for (int i = 0; i < 5; ++i) {  // whether it matters depends on who is faster
        const Outcome good = run("", "exit 7", launcher);
        EXPECT_EQ(good.status, 7) << good.log;
        const Outcome bad = run("user: nobody-of-this-name", "exit 7", launcher);
        EXPECT_EQ(bad.status, 2) << bad.log;
    }
}

TEST_F(WorkloadProcess, WhatIsUnknownIsRefusedBeforeAnythingStarts) {
    write_file(folder_.path("bad.env"), "FINE=1\nno equals sign\n");
    const std::pair<std::string, std::string> cases[] = {
        {"user: nosuchuser", "workload.user: this machine has no user 'nosuchuser'"},
        {"group: nosuchgroup", "workload.group: this machine has no group 'nosuchgroup'"},
        {"supplementary_groups: [nosuchgroup]", "workload.supplementary_groups: this machine has no group"},
        {"user: 4242", "workload.user: this machine knows no user 4242, so no group of it; set workload.group too"},
        {"env_file: " + folder_.path("none"), "cannot be read: No such file or directory"},
        {"env_file: " + folder_.path("bad.env"), "line 2 is not NAME=value"},
        {"env_file: " + folder_.path(), "is a folder"},
    };
    for (const auto& [keys, message] : cases) {
        const Outcome outcome = run(keys, "true");
        EXPECT_EQ(outcome.status, 2) << keys << outcome.log;
        EXPECT_NE(outcome.log.find(message), std::string::npos) << outcome.log;
        EXPECT_EQ(std::count(outcome.log.begin(), outcome.log.end(), '\n'), 1) << outcome.log;
    }
    const Outcome folder = run("working_directory: " + folder_.path("none"), "true");
    EXPECT_EQ(folder.status, 125) << folder.log;
    EXPECT_NE(folder.log.find("workload.working_directory: cannot enter"), std::string::npos) << folder.log;
    EXPECT_FALSE(std::filesystem::exists(folder_.path("test.lease")));
}

// Without root what is already so is fine, and the rest is refused with what it would need.
TEST_F(AsRoot, OthersMayOnlyBeWhatTheyAre) {
    const std::vector<std::string> nobody = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    const Outcome same =
        run("user: nobody\n  supplementary_groups: []\n  nice: 5\n  limits: {core: 0}", "id -u; nice", nobody);
    EXPECT_EQ(same.status, 0) << same.log;
    EXPECT_EQ(same.said, fmt::format("{}\n5\n", kNobody));
    const std::pair<std::string, std::string> cases[] = {
        {"user: root", "run leasehold as root, or with CAP_SETGID"},
        {"nice: -5", "workload.nice: cannot be set to -5"},
        {"oom_score_adj: -500", "workload.oom_score_adj: cannot be set to -500"},
        {"limits: {nofile: 999999999}", "workload.limits: cannot be set"},
    };
    for (const auto& [keys, message] : cases) {
        const Outcome outcome = run(keys, "true", nobody);
        EXPECT_EQ(outcome.status, 125) << keys << outcome.log;
        EXPECT_NE(outcome.log.find(message), std::string::npos) << outcome.log;
    }
}

// It could become somebody whom it may not kill: never.
TEST_F(AsRoot, NobodyIsStartedWhoCouldNotBeKilled) {
    const Outcome outcome = run("user: nobody", "true", {"setpriv", "--bounding-set=-kill", "--inh-caps=-kill", "--"});
    EXPECT_EQ(outcome.status, 125) << outcome.log;
    EXPECT_NE(outcome.log.find("leasehold could not kill a process of that user"), std::string::npos) << outcome.log;
}

}  // namespace
}  // namespace leasehold::harness
