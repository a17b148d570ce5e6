// SPDX-License-Identifier: Apache-2.0
//
// Who and what the workload's process is: user, limits, folder, environment. Part of the description
// (config/description.h).
#pragma once

#include <vector>

#include "config/description.h"

namespace leasehold::config {

std::vector<Key> process_keys();

}  // namespace leasehold::config
