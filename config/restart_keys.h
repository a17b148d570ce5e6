// SPDX-License-Identifier: Apache-2.0
//
// workload.restart: what follows when the workload ends by itself. Part of the description (config/description.h).
#pragma once

#include <vector>

#include "config/description.h"
#include "config/rules.h"

namespace leasehold::config {

std::vector<Key> restart_keys();

std::vector<RuleProblem> check(const supervisor::RestartOptions& restart);

}  // namespace leasehold::config
