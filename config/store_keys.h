// SPDX-License-Identifier: Apache-2.0
//
// What the description says about election.store: a section for each store, and its keys.
#pragma once

#include <vector>

#include "config/description.h"

namespace leasehold::config {

std::vector<Section> store_sections();
std::vector<Key> store_keys();

}  // namespace leasehold::config
