// SPDX-License-Identifier: Apache-2.0
//
// The one place where the program reads a clock. Never blocks, never fails (clock_gettime(2) with these clocks cannot,
// short of a kernel older than 2.6.39), callable from any thread and between fork and exec.
#pragma once

#include <chrono>

#include "base/time.h"

namespace leasehold {

// Now, on both clocks. A pause between the two readings errs on the safe side for leader and standby alike.
Instant now();

// Now, for people and for records that people read. No decision may depend on it.
std::chrono::system_clock::time_point wall_now();

}  // namespace leasehold
