// SPDX-License-Identifier: Apache-2.0
//
// control: the socket for commands to a running leasehold. Part of the description (config/description.h).
#pragma once

#include <vector>

#include "config/description.h"

namespace leasehold::config {

std::vector<Key> control_keys();

}  // namespace leasehold::config
