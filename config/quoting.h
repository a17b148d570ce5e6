// SPDX-License-Identifier: Apache-2.0
//
// Text as a YAML scalar. Pure.
#pragma once

#include <string>
#include <string_view>

namespace leasehold::config {

// On one line, and read back as exactly this text by any reader of YAML 1.1 or 1.2, in block and flow context alike;
// quoted whenever that is in doubt. REQUIRES: well-formed UTF-8.
std::string yaml_scalar(std::string_view text);

}  // namespace leasehold::config
