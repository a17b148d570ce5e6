// SPDX-License-Identifier: Apache-2.0
//
// For test fixtures: candidates whose workload writes down each start of it.
#pragma once

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "tests/harness/with_candidates.h"

namespace leasehold::harness {

class WithRuns : public WithCandidates<testing::Test> {
protected:
    // A workload that writes its candidate's name and its fencing token into a line of `runs`, and goes on with `then`.
    std::vector<std::string> that_writes(const std::string& then = "exec sleep 1000") {
        return {"sh", "-c",
                fmt::format("echo $LEASEHOLD_IDENTITY $LEASEHOLD_FENCING_TOKEN >> {}; {}", folder_.path("runs"), then)};
    }

    // With these lines in the section `workload`.
    Candidate& start_with(const std::string& name, const std::string& keys, std::vector<std::string> command = {}) {
        std::string lines;
        std::istringstream text(keys);
        for (std::string line; std::getline(text, line);) lines += "  " + line + "\n";
        return start(name, {.command = command.empty() ? that_writes() : std::move(command), .workload = lines});
    }

    std::vector<std::string> runs() const {
        std::vector<std::string> lines;
        std::istringstream text(read_file(folder_.path("runs")));
        for (std::string line; std::getline(text, line);) lines.push_back(line);
        return lines;
    }
    bool has_runs(std::size_t count) {
        return eventually([&] { return runs().size() >= count; });
    }

    static bool shows(Candidate& candidate, const std::string& path, const std::string& text) {
        const int port = candidate.http_port();
        return eventually([&] { return http_get(port, path).body.find(text) != std::string::npos; });
    }
};

}  // namespace leasehold::harness
