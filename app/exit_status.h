// SPDX-License-Identifier: Apache-2.0
//
// Exit statuses of the program besides the workload's own (its code, or 128 + signal).
#pragma once

namespace leasehold::app {

inline constexpr int kUsage = 2;              // command line or configuration
inline constexpr int kGaveUpWaiting = 124;    // --wait-timeout
inline constexpr int kLeaseholdFailed = 125;  // leasehold itself could not do its work: port in use, file not writable
// 126: the command cannot be executed; 127: it cannot be found (supervisor/launch.h)

}  // namespace leasehold::app
