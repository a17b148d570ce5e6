// SPDX-License-Identifier: Apache-2.0
//
// What the chosen store cannot keep: found at load, not in the night. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/options.h"

namespace leasehold::config {

struct StoreProblem {
    std::string key;   // the option to change: "election.lease_duration"
    std::string text;  // what is wrong, and what would work
};

std::vector<StoreProblem> check(const ElectionOptions& election);

}  // namespace leasehold::config
