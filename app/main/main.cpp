// SPDX-License-Identifier: Apache-2.0
//
// One executable file, four ways to execute it: the command line, and the three processes that `leasehold run` consists
// of.
#include <exception>
#include <string>
#include <vector>

#include "app/agent.h"
#include "app/cli.h"
#include "app/exit_status.h"
#include "base/log.h"
#include "supervisor/launch.h"

namespace {

int dispatch(int argc, char** argv) {
    namespace supervisor = leasehold::supervisor;
    const std::string role = argc > 1 ? argv[1] : "";
    if (role == supervisor::kGuardianRole) return supervisor::guardian_main({argv + 2, argv + argc});
    if (role == supervisor::kSupervisorRole) return supervisor::supervisor_main({argv + 2, argv + argc});
    if (role == supervisor::kAgentRole) return leasehold::app::agent_main({argv + 2, argv + argc});
    return leasehold::app::command_line(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return dispatch(argc, argv);
    } catch (const std::exception& error) {
        leasehold::log::error("{}", error.what());
        return leasehold::app::kLeaseholdFailed;
    }
}
