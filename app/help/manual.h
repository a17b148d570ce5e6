// SPDX-License-Identifier: Apache-2.0
//
// The manual: leasehold(1), the command, and leasehold.yaml(5), its file, in the language of man(7). What there is to
// say of each command, option and key comes from the descriptions by which they are read.
#pragma once

#include <string>

#include "app/help/command_tree.h"
#include "config/description.h"

namespace leasehold::app::help {

// `source` is what stands at the foot of the page: program and version.
std::string command_manual(const Command& program, const std::string& source);
std::string file_manual(const config::Description& description, const std::string& source);

}  // namespace leasehold::app::help
