// SPDX-License-Identifier: Apache-2.0
//
// What several subcommands do alike: loading the configuration, looking for the command, and complaining.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "config/config.h"

namespace leasehold::app {

// One line on standard error: "leasehold: <message>".
void complain(const std::string& message);

// The options, or nothing after every problem of the file was printed on standard error.
std::optional<config::Options> load_or_complain(const std::string& file, const config::LoadSettings& settings);

// Whether the workload's command can be executed: 0, or 126 or 127 after the reason was printed.
int complain_about_command(const supervisor::WorkloadOptions& workload);

Result<Duration> parse_wait_timeout(const std::string& text);

}  // namespace leasehold::app
