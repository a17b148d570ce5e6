// SPDX-License-Identifier: Apache-2.0
#include "app/load.h"

#include <cstdio>

#include <fmt/core.h>
#include <unistd.h>

#include "config/forms.h"
#include "supervisor/command.h"
#include "supervisor/launch.h"

namespace leasehold::app {

void complain(const std::string& message) { fmt::print(stderr, "leasehold: {}\n", message); }

std::optional<config::Options> load_or_complain(const std::string& file, const config::LoadSettings& settings) {
    config::Loaded loaded = config::load_file(file, settings);
    if (loaded.problems.empty()) return std::move(loaded.options);
    for (const config::Problem& problem : loaded.problems) fmt::print(stderr, "{}\n", problem.text(file));
    return std::nullopt;
}

int complain_about_command(const supervisor::WorkloadOptions& workload) {
    const std::string path = supervisor::path_of(supervisor::merged_environment(environ, workload.env));
    std::string problem;
    const int status = supervisor::command_status(workload.command.front(), path, problem);
    if (status != 0) complain(problem);
    return status;
}

Result<Duration> parse_wait_timeout(const std::string& text) {
    auto duration = config::positive_duration_form().read(text);
    if (!duration) return failure(fmt::format("--wait-timeout: '{}' {}", text, duration.error().message));
    return duration;
}

}  // namespace leasehold::app
