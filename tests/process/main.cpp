// SPDX-License-Identifier: Apache-2.0
//
// One program for everything in these tests: guardian and supervisor are leasehold's own, the agent is a puppet on the
// test's strings (puppet_agent.cpp), and a few workloads need more than a shell can do (workloads.cpp). All roles are
// executed through /proc/self/exe, as in production.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "supervisor/launch_internal.h"
#include "tests/process/roles.h"

int main(int argc, char** argv) {
    const std::string role = argc > 1 ? argv[1] : "";
    if (role.starts_with("@")) {
        const std::vector<std::string> arguments(argv + 2, argv + argc);
        if (role == leasehold::process_test::kGuardianRole) return leasehold::supervisor::guardian_main(arguments);
        if (role == leasehold::supervisor::kSupervisorRole) return leasehold::supervisor::supervisor_main(arguments);
        if (role == leasehold::supervisor::kAgentRole) return leasehold::process_test::puppet_agent_main(arguments);
        return leasehold::process_test::workload_main(role, arguments);
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
