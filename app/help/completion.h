// SPDX-License-Identifier: Apache-2.0
//
// Scripts that teach a shell to complete the command line: commands, options, the words that a value can be, names of
// files, and behind "--" programs. Each needs nothing but its shell, and calls nothing.
#pragma once

#include <string>
#include <vector>

#include "app/help/command_tree.h"

namespace leasehold::app::help {

// To be read by `source`, or from the folder in which the shell looks for the completions of programs.
// REQUIRES: options of the program itself (those before the command) take no value.
std::string bash_completion(const Command& program);
std::string zsh_completion(const Command& program);
std::string fish_completion(const Command& program);

const std::vector<std::string>& shells();  // "bash", ...
// REQUIRES: `shell` is one of them.
std::string completion(const Command& program, const std::string& shell);

// `text` in single quotes, in which no shell but fish gives anything a meaning.
std::string in_quotes(const std::string& text);

}  // namespace leasehold::app::help
