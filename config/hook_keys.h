// SPDX-License-Identifier: Apache-2.0
//
// workload.hooks: commands at the turns of a term (supervisor/hook_options.h). Part of the description
// (config/description.h).
#pragma once

#include <vector>

#include "config/description.h"

namespace leasehold::config {

std::vector<Key> hook_keys();

}  // namespace leasehold::config
