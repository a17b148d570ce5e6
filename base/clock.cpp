// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>

namespace leasehold {
namespace {

Duration read_clock(clockid_t clock) {
    timespec reading{};
    clock_gettime(clock, &reading);
    return std::chrono::seconds(reading.tv_sec) + std::chrono::nanoseconds(reading.tv_nsec);
}

}  // namespace

Instant now() {
    const Duration boot = read_clock(CLOCK_BOOTTIME);
    return {boot, read_clock(CLOCK_MONOTONIC_RAW)};
}

std::chrono::system_clock::time_point wall_now() { return std::chrono::system_clock::now(); }

}  // namespace leasehold
