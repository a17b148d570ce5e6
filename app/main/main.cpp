// SPDX-License-Identifier: Apache-2.0
//
// One executable file, five ways to execute it: the command line, which becomes the guardian of what `leasehold run`
// consists of, the two others of that, one where the workload's output is captured, and the one that reads the
// configuration anew for them.
#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include <fcntl.h>

#include "app/agent.h"
#include "app/cli.h"
#include "app/exit_status.h"
#include "app/main/libraries.h"
#include "app/reload.h"
#include "base/log.h"
#include "output/collector.h"
#include "supervisor/command_line.h"
#include "supervisor/launch.h"

namespace {

// A descriptor of ours that came to stand in the place of a closed standard stream would be written to as one, and be
// inherited by the workload.
void fill_standard_streams() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);  // takes the lowest free number, which is this one
    }
}

int dispatch(int argc, char** argv) {
    namespace supervisor = leasehold::supervisor;
    const std::string role = argc > 1 ? argv[1] : "";
    if (role == supervisor::kSupervisorRole) return supervisor::supervisor_main({argv + 2, argv + argc});
    if (role == supervisor::kAgentRole) return leasehold::app::agent_main({argv + 2, argv + argc});
    if (role == supervisor::kReloaderRole) return leasehold::app::reloader_main({argv + 2, argv + argc});
    if (role == supervisor::kOutputRole) return leasehold::output::output_main({argv + 2, argv + argc});
    return leasehold::app::command_line(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
    leasehold::supervisor::remember_command_line(argc, argv);
    fill_standard_streams();
    // Who started us may have had it ignored, which execve(2) keeps: then nobody's end can be waited for.
    std::signal(SIGCHLD, SIG_DFL);
    try {
        leasehold::app::prepare_libraries();
        return dispatch(argc, argv);
    } catch (const std::exception& error) {
        leasehold::log::error("{}", error.what());
        return leasehold::app::kLeaseholdFailed;
    }
}
