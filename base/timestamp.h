// SPDX-License-Identifier: Apache-2.0
//
// Points in time as people and programs read them in logs.
#pragma once

#include <chrono>
#include <string>

namespace leasehold {

// "2026-11-21T09:30:00.250Z" (RFC 3339), in UTC.
std::string timestamp(std::chrono::system_clock::time_point at);

}  // namespace leasehold
