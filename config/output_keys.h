// SPDX-License-Identifier: Apache-2.0
//
// workload.output: what becomes of what the workload writes. Part of the description (config/description.h).
#pragma once

#include <vector>

#include "config/description.h"
#include "config/rules.h"

namespace leasehold::config {

std::vector<Key> output_keys();

std::vector<RuleProblem> check(const supervisor::OutputOptions& output);

}  // namespace leasehold::config
