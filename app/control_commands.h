// SPDX-License-Identifier: Apache-2.0
//
// The subcommands that speak to a running leasehold over its control socket. Exit status: 0 done, 1 refused, 2 usage or
// configuration, 125 nobody answers.
#pragma once

#include <string>

#include "app/control_protocol.h"

namespace leasehold::app {

struct ControlArguments {
    ControlCommand command = ControlCommand::status;
    std::string config;  // whose control.socket is meant, or
    std::string socket;  // the path itself
    std::string successor;
    bool json = false;
    bool watch = false;    // status
    bool no_wait = false;  // resign, restart, reload
};

// Prints the answer; resign waits until the lease is released, restart until the workload runs again, reload until
// it is known what became of it.
int control_command(const ControlArguments& arguments);

}  // namespace leasehold::app
