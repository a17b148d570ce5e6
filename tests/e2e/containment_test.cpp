// SPDX-License-Identifier: Apache-2.0
//
// workload.containment as an operator meets it: what is used, what is said about it, and what is refused.
#include <csignal>
#include <filesystem>
#include <sstream>

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

std::string cgroup2_mount() {
    std::istringstream mounts(read_file("/proc/self/mounts"));
    for (std::string device, point, type, rest; mounts >> device >> point >> type && std::getline(mounts, rest);) {
        if (type == "cgroup2") return point;
    }
    return {};
}

class Containments : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
        std::filesystem::create_directory(folder_.path("lease"));
        std::filesystem::copy_file(leasehold_program(), folder_.path("leasehold"));
        ASSERT_TRUE(geteuid() != 0 || chown(folder_.path("lease").c_str(), kNobody, kNobody) == 0);
    }

    // `leasehold SUBCOMMAND...`, as an ordinary user when there is a choice.
    // In this cgroup, if one is given.
    Process start(const std::vector<std::string>& subcommand, const std::string& containment, bool ordinary = true,
                  const std::string& cgroup = {}) {
        write_file(folder_.path("x.yaml"),
                   fmt::format("election:\n  name: test\n  store: {{file: {{path: {}/lease/x}}}}\n"
                               "workload: {{command: [sleep, '1000'], containment: {}}}\n"
                               "http: {{listen: []}}\n",
                               folder_.path(), containment));
        std::vector<std::string> line;
        if (!cgroup.empty()) {
            line = {"/bin/sh", "-c", "echo $$ > " + cgroup + "/cgroup.procs && exec \"$@\"", "in-cgroup"};
        }
        if (ordinary && geteuid() == 0) {
            line.insert(line.end(), {"/usr/bin/setpriv", "--reuid", std::to_string(kNobody), "--regid",
                                     std::to_string(kNobody), "--clear-groups"});
        }
        line.push_back(folder_.path("leasehold"));
        line.insert(line.end(), subcommand.begin(), subcommand.end());
        line.insert(line.end(), {"--config", folder_.path("x.yaml")});
        return Process({.arguments = line, .output = folder_.path("output"), .environment = {}});
    }

    std::string output() const { return read_file(folder_.path("output")); }
    bool says(const std::string& words) const { return output().find(words) != std::string::npos; }

    TempFolder folder_;
};

TEST_F(Containments, WhatAnOrdinaryUserMayNotHaveIsRefusedWithWhatToDo) {
    Process cgroup = start({"run"}, "cgroup");
    const auto status = cgroup.wait(std::chrono::seconds(20));
    if (!status) {
        cgroup.signal(SIGTERM);
        GTEST_SKIP() << "this user may make cgroups";
    }
    EXPECT_EQ(status, 125) << output();
    EXPECT_TRUE(says("workload.containment is cgroup, but")) << output();

    Process pid_namespace = start({"run"}, "namespace");
    EXPECT_EQ(pid_namespace.wait(), 125) << output();
    EXPECT_TRUE(says("CAP_SYS_ADMIN")) << output();
    EXPECT_TRUE(says("set workload.containment to auto")) << output();
}

TEST_F(Containments, AutoTakesWhatThereIsAndSaysWhyNotMore) {
    Process ordinary = start({"run"}, "auto");
    ASSERT_TRUE(eventually([&] { return says("workload started"); })) << output();
    EXPECT_TRUE(says("containment: subreaper (no cgroup: ") || says("containment: cgroup /")) << output();
    ordinary.signal(SIGTERM);
    EXPECT_EQ(ordinary.wait(), 128 + SIGTERM) << output();
}

// As a service manager delegates it: the group belongs to the user, and leasehold is started inside.
TEST_F(Containments, AnOrdinaryUserHasTheCgroupThatWasDelegated) {
    const std::string mount = cgroup2_mount();
    if (geteuid() != 0 || mount.empty()) GTEST_SKIP() << "needs root and cgroup v2, to delegate a group";
    const std::string group = mount + "/leasehold-test-delegated-" + std::to_string(getpid());
    if (mkdir(group.c_str(), 0755) != 0) GTEST_SKIP() << "no cgroup can be made here";
    for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"}) {
        ASSERT_EQ(chown((group + file).c_str(), kNobody, kNobody), 0) << file;
    }
    {
        Process candidate = start({"run"}, "cgroup", true, group);
        ASSERT_TRUE(eventually([&] { return says("workload started"); })) << output();
        EXPECT_TRUE(says("containment: cgroup " + group + '/')) << output();
        std::string inside;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(group)) {
            if (entry.path().filename() == "cgroup.procs" && entry.path().parent_path() != group) {
                inside += read_file(entry.path());
            }
        }
        EXPECT_EQ(name_of(std::atoi(inside.c_str())), "sleep") << inside;
        candidate.signal(SIGTERM);
        EXPECT_EQ(candidate.wait(), 128 + SIGTERM) << output();
    }
    EXPECT_EQ(rmdir(group.c_str()), 0) << "something was left in " << group;
}

// All of leasehold killed at once, and started again on the same machine: what was in the background is gone before the
// workload starts, which starts once.
TEST(Leftovers, AreKilledBeforeTheWorkloadStartsInTheSameTerm) {
    for (const std::string containment : {"auto", "subreaper"}) {
        TempFolder folder;
        const auto start = [&](const std::string& name) {
            return Candidate(
                {.folder = folder.path(),
                 .name = name,
                 .command = {"sh", "-c",
                             "setsid sleep 1000 & echo $! > " + folder.path("daemon.") + name + "; exec sleep 1000"},
                 .timing = {},
                 .listen = "127.0.0.1:0",
                 .extra = {},
                 .workload = "  containment: " + containment + "\n"});
        };
        const auto daemon_of = [&](const std::string& name) {
            pid_t daemon = 0;
            EXPECT_TRUE(eventually([&] {
                daemon = std::atoi(read_file(folder.path("daemon." + name)).c_str());
                return daemon > 0;
            }));
            return daemon;
        };
        Candidate first = start("first");
        const pid_t daemon = daemon_of("first");
        ASSERT_TRUE(eventually([&] { return name_of(daemon) == "sleep"; })) << first.log();
        first.kill_all();
        Candidate second = start("second");
        ASSERT_GT(daemon_of("second"), 0) << second.log();
        EXPECT_FALSE(lives(daemon)) << second.log();
        // It would be asked to stop at once, if ever.
        const auto since = std::chrono::steady_clock::now();
        EXPECT_TRUE(
            eventually([&] { return std::chrono::steady_clock::now() - since > std::chrono::milliseconds(300); }));
        EXPECT_EQ(second.log().find("asking the workload"), std::string::npos) << second.log();
        second.process().signal(SIGTERM);
        EXPECT_TRUE(second.process().wait());
    }
}

TEST_F(Containments, CheckProbesThem) {
    for (const std::string containment : {"auto", "subreaper"}) {
        Process check = start({"check", "--probe"}, containment);
        EXPECT_EQ(check.wait(), 0) << output();
        EXPECT_TRUE(says("Containment: ")) << output();
    }
    EXPECT_TRUE(says("Containment: subreaper.\n")) << output();
    if (geteuid() != 0) return;
    Process check = start({"check", "--probe"}, "namespace", false);
    const auto status = check.wait();
    EXPECT_EQ(status == 0, says("Containment: namespace.\n")) << output();
}

}  // namespace
}  // namespace leasehold::harness
