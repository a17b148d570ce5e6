// SPDX-License-Identifier: Apache-2.0
//
// Candidates with a control socket, and the commands to them.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/harness/with_runs.h"

namespace leasehold::harness {

struct Said {
    int status = -1;
    std::string text;  // standard output and error
};

class WithControl : public WithRuns {
protected:
    std::string socket_of(const std::string& name) const { return folder_.path(name + ".sock"); }

    Candidate& start_with(const std::string& name, const std::string& restart = "cooldown: 1h",
                          std::vector<std::string> command = {}) {
        return start(name, {.command = std::move(command),
                            .extra = fmt::format("control: {{socket: {}}}\n", socket_of(name)),
                            .workload = fmt::format("  restart: {{{}}}\n", restart)});
    }

    Process begin(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), leasehold_program());
        return Process({.arguments = arguments, .output = folder_.path("said"), .environment = {}});
    }

    Said run(const std::vector<std::string>& arguments) {
        std::filesystem::remove(folder_.path("said"));
        const auto status = begin(arguments).wait();
        return {status.value_or(-1), read_file(folder_.path("said"))};
    }

    Said tell(const std::string& name, std::vector<std::string> arguments) {
        arguments.insert(arguments.begin() + 1, {"--socket", socket_of(name)});
        return run(arguments);
    }

    nlohmann::json status_of(const std::string& name) {
        const Said said = tell(name, {"status", "--json"});
        return said.status == 0 ? nlohmann::json::parse(said.text, nullptr, false) : nlohmann::json();
    }

    bool leads(const std::string& name) {
        return eventually([&] {
            const nlohmann::json status = status_of(name);
            return status.is_object() && status["leading"] == true && status["workload"]["state"] == "running";
        });
    }
};

}  // namespace leasehold::harness
