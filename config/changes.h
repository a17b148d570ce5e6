// SPDX-License-Identifier: Apache-2.0
//
// What is different between two configurations, key by key.
//
// Threads: none; functions are re-entrant. Blocking: never.
#pragma once

#include <string>
#include <vector>

#include "config/options.h"

namespace leasehold::config {

// The paths of the keys, in the order of the description. One that counts in one of them only is different.
std::vector<std::string> changed_keys(const Options& before, const Options& after);

}  // namespace leasehold::config
