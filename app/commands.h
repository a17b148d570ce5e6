// SPDX-License-Identifier: Apache-2.0
//
// The subcommands. Each prints its results on standard output and what is wrong on standard error, and returns the exit
// status of the program.
#pragma once

#include <string>
#include <vector>

namespace leasehold::app {

struct RunArguments {
    std::string config;
    std::vector<std::string> command;  // replaces workload.command when not empty
};

// Checks everything that can be checked before anything is started, then becomes the guardian.
// `wait_timeout` is a duration as text, or empty.
int run_command(const RunArguments& arguments, const std::string& wait_timeout);

// Takes part in the election in this very process, without a workload; returns when it was told to stop.
int sidecar_command(const std::string& config);

// Called with the flags of leader-elector (leader_elector_flags.h) it does what that did: `arguments` without the
// program's name.
int leader_elector_command(const std::vector<std::string>& arguments);

int init_command(const std::string& config);
int check_command(const std::string& config, bool probe);
int config_command(const std::string& config);
int schema_command();

}  // namespace leasehold::app
