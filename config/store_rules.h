// SPDX-License-Identifier: Apache-2.0
//
// What the chosen store cannot keep: found at load, not in the night. Pure.
#pragma once

#include <vector>

#include "config/options.h"
#include "config/rules.h"

namespace leasehold::config {

std::vector<RuleProblem> check(const ElectionOptions& election);

}  // namespace leasehold::config
