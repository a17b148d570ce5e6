// SPDX-License-Identifier: Apache-2.0
//
// What several subcommands do alike: loading the configuration, looking for the command, and complaining.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "config/config.h"
#include "supervisor/process_attributes.h"

namespace leasehold::app {

// One line on standard error: "leasehold: <message>".
void complain(const std::string& message);

// The options, or nothing after every problem of the file was printed on standard error.
std::optional<config::Options> load_or_complain(const std::string& file, const config::LoadSettings& settings);

// What was accepted at the start, or by a reload: handed on by the guardian as sealed text.
Result<config::Options> accepted_options(int config_fd);

// Options as config::to_yaml() writes them: everything in it was expanded before.
config::Loaded load_written(const std::string& text);

// Fills in the environment and the attributes of the workload's process, and tries whether it can have them. The
// error's code is the exit status that it stands for.
Result<void> prepare_process(supervisor::WorkloadOptions& workload, supervisor::ProcessAttributes& attributes);

// Whether such a process could execute `program`, the first word of a command; as was prepared. Errors as above.
Result<void> look_for(const std::string& program, const supervisor::WorkloadOptions& workload,
                      const supervisor::ProcessAttributes& attributes);

// Both, for workload.command.
Result<void> prepare_workload(supervisor::WorkloadOptions& workload, supervisor::ProcessAttributes& attributes);

Result<Duration> parse_wait_timeout(const std::string& text);

}  // namespace leasehold::app
