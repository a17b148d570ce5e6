// SPDX-License-Identifier: Apache-2.0
#include "app/load.h"

#include <cstdio>

#include <fmt/core.h>

#include "app/exit_status.h"
#include "app/workload_process.h"
#include "base/sealed_memory.h"
#include "config/forms.h"
#include "supervisor/command.h"
#include "supervisor/launch.h"
#include "supervisor/spawn.h"

namespace leasehold::app {

void complain(const std::string& message) { fmt::print(stderr, "leasehold: {}\n", message); }

std::optional<config::Options> load_or_complain(const std::string& file, const config::LoadSettings& settings) {
    config::Loaded loaded = config::load_file(file, settings);
    if (loaded.problems.empty()) return std::move(loaded.options);
    for (const config::Problem& problem : loaded.problems) fmt::print(stderr, "{}\n", problem.text(file));
    return std::nullopt;
}

Result<config::Options> accepted_options(int config_fd) {
    auto text = read_sealed(config_fd);
    if (!text) return tl::unexpected<Error>(text.error());
    config::Loaded loaded = load_written(*text);
    if (!loaded.problems.empty()) {
        return failure("the accepted configuration cannot be read back: " + loaded.problems.front().text("(accepted)"));
    }
    return std::move(loaded.options);
}

config::Loaded load_written(const std::string& text) {
    return config::load_text(text, {.environment = [](const std::string&) { return std::nullopt; }});
}

Result<void> prepare_process(supervisor::WorkloadOptions& workload, supervisor::ProcessAttributes& attributes) {
    auto process = look_up(workload);
    if (!process) return failure(process.error().message, kUsage);
    workload.env = std::move(process->env);
    attributes = std::move(process->attributes);
    if (const auto possible = supervisor::try_attributes(attributes); !possible) {
        return failure(possible.error().message, kLeaseholdFailed);
    }
    return {};
}

Result<void> look_for(const std::string& program, const supervisor::WorkloadOptions& workload,
                      const supervisor::ProcessAttributes& attributes) {
    std::string command = program;
    const bool from_its_folder = command.find('/') != std::string::npos && !command.starts_with('/');
    if (from_its_folder && !attributes.working_directory.empty()) {
        command = attributes.working_directory + '/' + command;
    }
    std::string problem;
    const std::string path = supervisor::path_of(supervisor::environment_of(workload));
    const int status = supervisor::command_status(command, path, problem);
    if (status != 0) return failure(problem, status);
    return {};
}

Result<void> prepare_workload(supervisor::WorkloadOptions& workload, supervisor::ProcessAttributes& attributes) {
    if (auto prepared = prepare_process(workload, attributes); !prepared) return prepared;
    return look_for(workload.command.front(), workload, attributes);
}

Result<Duration> parse_wait_timeout(const std::string& text) {
    auto duration = config::positive_duration_form().read(text);
    if (!duration) return failure(fmt::format("--wait-timeout: '{}' {}", text, duration.error().message));
    return duration;
}

}  // namespace leasehold::app
