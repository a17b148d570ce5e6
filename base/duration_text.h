// SPDX-License-Identifier: Apache-2.0
//
// Durations as people write them: "15s", "1m30s", "250ms", "1.5s". Plain: no clock, no I/O.
#pragma once

#include <string>

#include "base/time.h"

namespace leasehold {

// The shortest form that says the duration exactly, in hours, minutes, seconds, and fractions of them: "2h", "1m30s",
// "14.6s", "250ms", "0s".
std::string to_text(Duration duration);

// Rounded to the millisecond first, for messages about measured times.
std::string to_rounded_text(Duration duration);

}  // namespace leasehold
