// SPDX-License-Identifier: Apache-2.0
#include "app/help/completion.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace leasehold::app::help {
namespace {

struct Shell {
    const char* name;
    std::string (*completion)(const Command& program);
};

constexpr std::array kShells = {Shell{"bash", bash_completion}, Shell{"zsh", zsh_completion},
                                Shell{"fish", fish_completion}};

}  // namespace

const std::vector<std::string>& shells() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const Shell& shell : kShells) all.emplace_back(shell.name);
        return all;
    }();
    return names;
}

std::string completion(const Command& program, const std::string& shell) {
    const auto found =
        std::find_if(kShells.begin(), kShells.end(), [&](const Shell& one) { return one.name == shell; });
    return found->completion(program);
}

std::string in_quotes(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
    return quoted + '\'';
}

}  // namespace leasehold::app::help
