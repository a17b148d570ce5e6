// SPDX-License-Identifier: Apache-2.0
//
// The resource limits by the names that prlimit(1) and limits.conf(5) have for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace leasehold::config {

// RLIMIT_NOFILE for "nofile".
std::optional<int> limit_named(const std::string& name);

std::vector<std::string> limit_names();

}  // namespace leasehold::config
