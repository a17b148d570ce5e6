// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace leasehold::config {

using Variables = std::map<std::string, std::string>;

inline LoadSettings with(Variables variables) {
    const auto environment = [variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
    return {environment, false};
}

// All problems, one a line, as an operator sees them but for the name of the file.
inline std::string problems_of(const Loaded& loaded) {
    std::string out;
    for (const Problem& problem : loaded.problems) out += problem.text("f") + '\n';
    return out;
}

inline std::string problems_in(std::string_view text, const Variables& variables = {}) {
    return problems_of(load_text(text, with(variables)));
}

// The smallest file, with more lines below `election` or at the end.
inline std::string minimal(const std::string& election = "", const std::string& rest = "") {
    return "election:\n  name: e\n" + election + "workload:\n  command: [c]\n" + rest;
}

}  // namespace leasehold::config
