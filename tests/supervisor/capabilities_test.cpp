// SPDX-License-Identifier: Apache-2.0
#include "supervisor/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

constexpr CapabilitySet bit_of(int capability) { return CapabilitySet{1} << capability; }

constexpr CapabilitySet kAll = (CapabilitySet{1} << (CAP_LAST_CAP + 1)) - 1;
constexpr Capabilities kRoot{kAll, kAll, 0};

TEST(CapabilitiesOfRoles, SupervisingKeepsInEffectWhatThePromiseNeedsAndEverythingPermitted) {
    const Capabilities kept = of_supervising(kRoot, false);
    EXPECT_EQ(kept.permitted, kAll);
    for (const int needed : {CAP_KILL, CAP_SETUID, CAP_SETGID, CAP_SYS_PTRACE, CAP_SYS_RESOURCE, CAP_SYS_NICE,
                             CAP_IPC_LOCK, CAP_CHOWN, CAP_DAC_OVERRIDE}) {
        EXPECT_TRUE(kept.effective & bit_of(needed)) << needed;
    }
    for (const int other : {CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_MODULE, CAP_SYS_ADMIN, CAP_MKNOD, CAP_SYS_BOOT}) {
        EXPECT_FALSE(kept.effective & bit_of(other)) << other;
    }
    EXPECT_EQ(of_supervising(kRoot, true).effective, kept.effective | bit_of(CAP_SYS_ADMIN));
}

TEST(CapabilitiesOfRoles, TheAgentReachesFilesAndProcessesOfOthersAndNothingElse) {
    const Capabilities kept = of_agent({kAll, kAll, kAll});
    EXPECT_EQ(kept.effective, bit_of(CAP_DAC_OVERRIDE) | bit_of(CAP_DAC_READ_SEARCH) | bit_of(CAP_FOWNER) |
                                  bit_of(CAP_KILL) | bit_of(CAP_SYS_PTRACE));
    EXPECT_EQ(kept.permitted, kept.effective);
    EXPECT_EQ(kept.inheritable, kept.effective);
}

TEST(CapabilitiesOfRoles, NobodyGainsAny) {
    const CapabilitySet few = bit_of(CAP_SYS_PTRACE) | bit_of(CAP_KILL) | bit_of(CAP_NET_RAW);
    EXPECT_EQ(of_supervising({few, few, 0}, true), (Capabilities{bit_of(CAP_SYS_PTRACE) | bit_of(CAP_KILL), few, 0}));
    EXPECT_EQ(of_agent({few, few, 0}).permitted, bit_of(CAP_SYS_PTRACE) | bit_of(CAP_KILL));
}

// What has fewer could not see leftovers of the workload any more.
TEST(CapabilitiesOfRoles, WithoutPtraceNothingIsLaidDown) {
    const CapabilitySet container = kAll & ~bit_of(CAP_SYS_PTRACE);
    const Capabilities given{container, container, 0};
    EXPECT_EQ(of_supervising(given, true), given);
    EXPECT_EQ(of_agent(given), given);
}

TEST(CapabilitiesOfRoles, AreTheKernelsAsWell) {
    const auto given = read_capabilities();
    ASSERT_TRUE(given) << given.error().message;
    const pid_t child = fork();
    if (child == 0) {
        lay_down_as_supervising(false);
        const bool supervising = read_capabilities() == of_supervising(*given, false);
        lay_down_as_agent();
        const bool as_agent = read_capabilities() == of_agent(of_supervising(*given, false));
        _exit((supervising ? 0 : 1) + (as_agent ? 0 : 2));
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace leasehold::supervisor
