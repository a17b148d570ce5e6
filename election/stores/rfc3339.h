// SPDX-License-Identifier: Apache-2.0
//
// Wall-clock times in records, for people: "2024-05-06T07:08:09.000010Z". Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leasehold::stores {

// Nothing for times that four digits of a year cannot express.
std::optional<std::string> format_rfc3339(std::int64_t unix_us);
// The same in whole seconds, rounded down: "2024-05-06T07:08:09Z".
std::optional<std::string> format_rfc3339_seconds(std::int64_t unix_us);

// Accepts any number of fractional digits (those past the sixth are dropped) and any offset. Nothing when it is not
// such a time.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace leasehold::stores
