// SPDX-License-Identifier: Apache-2.0
//
// `${NAME}` and `${NAME:-default}` in a value become the value of an environment variable, `$$` becomes a dollar.
//
// As in a shell, the default stands in when the variable is not set or empty. It is taken as it is up to the next `}`
// (with `$$` for a dollar), and so is the variable's value: nothing is expanded twice. Pure but for `environment`.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace leasehold::config {

Result<std::string> expand(std::string_view text, const Environment& environment);

// The text that expand() turns back into `text`.
std::string doubled_dollars(std::string_view text);

}  // namespace leasehold::config
