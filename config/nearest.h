// SPDX-License-Identifier: Apache-2.0
//
// What was meant by a name that does not exist. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leasehold::config {

// The candidate that one or a few slips of the pen turn into `name` (case does not count), or nothing.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace leasehold::config
