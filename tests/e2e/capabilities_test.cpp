// SPDX-License-Identifier: Apache-2.0
//
// What leasehold's processes lay down of their capabilities, and that the workload has what it would have without them.
// Without root, or without CAP_SYS_PTRACE, nothing is laid down, and that is what is expected then.
#include <map>
#include <sstream>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <unistd.h>

#include "supervisor/capabilities.h"
#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

using supervisor::Capabilities;
using supervisor::CapabilitySet;

// CapInh, CapPrm, CapEff, CapBnd, CapAmb of a status file of /proc.
std::map<std::string, CapabilitySet> capability_sets(const std::string& status) {
    std::map<std::string, CapabilitySet> sets;
    std::istringstream lines(status);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("Cap")) sets[line.substr(0, 6)] = std::stoull(line.substr(7), nullptr, 16);
    }
    return sets;
}

class CapabilitiesOfTheWhole : public testing::Test {
protected:
    std::map<std::string, CapabilitySet> of_process(pid_t pid) {
        return capability_sets(read_file(fmt::format("/proc/{}/status", pid)));
    }

    // The command's own words about itself, with leasehold around it or started by `launcher` alone.
    std::string told(const std::string& keys, const std::vector<std::string>& launcher, bool wrapped) {
        const std::string said = folder_.path(fmt::format("said{}", ++runs_));
        const std::vector<std::string> command{"/bin/sh", "-c",
                                               "grep -E '^(Cap|NoNewPrivs)' /proc/self/status > " + said};
        if (wrapped) {
            Candidate candidate({.folder = folder_.path(),
                                 .name = fmt::format("run{}", runs_),
                                 .command = command,
                                 .lease = folder_.path("test.lease"),
                                 .workload = keys,
                                 .launcher = launcher});
            EXPECT_EQ(candidate.process().wait(), 0) << candidate.log();
        } else {
            std::vector<std::string> all = launcher;
            all.insert(all.end(), command.begin(), command.end());
            Process process({.arguments = all, .output = folder_.path("plain.log"), .environment = {}});
            EXPECT_EQ(process.wait(), 0) << read_file(folder_.path("plain.log"));
        }
        return read_file(said);
    }

    TempFolder folder_;
    int runs_ = 0;
};

TEST_F(CapabilitiesOfTheWhole, EachRoleKeepsWhatItNeeds) {
    Candidate candidate({.folder = folder_.path(),
                         .name = "roles",
                         .command = {"/bin/sh", "-c", "echo up > " + folder_.path("up") + "; exec sleep 1000"}});
    ASSERT_TRUE(eventually([&] { return read_file(folder_.path("up")) == "up\n"; })) << candidate.log();
    auto ours = of_process(getpid());
    const bool regains = geteuid() == 0;  // an execution by root
    const CapabilitySet permitted = regains ? ours["CapBnd"] : ours["CapPrm"];
    const Capabilities given{regains ? permitted : ours["CapEff"], permitted, ours["CapInh"]};
    const Capabilities supervising = of_supervising(given, false), of_the_agent = of_agent(given);
    for (const pid_t pid : {candidate.guardian(), candidate.role("leasehold-super")}) {
        auto sets = of_process(pid);
        EXPECT_EQ(sets["CapEff"], supervising.effective) << pid;
        EXPECT_EQ(sets["CapPrm"], supervising.permitted) << pid;
        EXPECT_EQ(sets["CapBnd"], ours["CapBnd"]) << pid;
    }
    auto sets = of_process(candidate.role("leasehold-agent"));
    EXPECT_EQ(sets["CapEff"], of_the_agent.effective);
    EXPECT_EQ(sets["CapPrm"], of_the_agent.permitted);
    if (of_the_agent != given && (given.effective & CapabilitySet{1} << CAP_SETPCAP) != 0) {
        EXPECT_EQ(sets["CapBnd"], ours["CapBnd"] & of_the_agent.permitted);
    }
}

TEST_F(CapabilitiesOfTheWhole, TheWorkloadHasWhatItWouldHaveWithoutLeasehold) {
    EXPECT_EQ(told("", {}, true), told("", {}, false));
    if (geteuid() != 0) return;
    const std::vector<std::string> no_new{"setpriv", "--no-new-privs"};
    EXPECT_EQ(told("", no_new, true), told("", no_new, false));
    EXPECT_EQ(told("  no_new_privs: true\n", {}, true), told("", no_new, false));
    const std::vector<std::string> few{"setpriv", "--bounding-set", "-all,+kill,+net_raw,+sys_ptrace,+setuid"};
    EXPECT_EQ(told("", few, true), told("", few, false));
    // Nobody, but with some: here an execution gives no more than was inherited.
    const std::string some = "+net_raw,+sys_ptrace,+dac_override";
    const std::vector<std::string> ambient{"setpriv", "--clear-groups", "--reuid", "65534", "--inh-caps",
                                           some,      "--ambient-caps", some};
    EXPECT_EQ(told("  no_new_privs: false\n", ambient, true), told("", ambient, false));
}

}  // namespace
}  // namespace leasehold::harness
