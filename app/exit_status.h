// SPDX-License-Identifier: Apache-2.0
//
// Exit statuses of the program besides the workload's own (its code, or 128 + signal).
#pragma once

#include <array>

namespace leasehold::app {

inline constexpr int kRefused = 1;            // by a running leasehold that was asked for something
inline constexpr int kUsage = 2;              // command line or configuration
inline constexpr int kGaveUpWaiting = 124;    // --wait-timeout
inline constexpr int kLeaseholdFailed = 125;  // leasehold itself could not do its work: port in use, file not writable
// 126: the command cannot be executed; 127: it cannot be found (supervisor/launch.h)

struct ExitMeaning {
    const char* status;
    const char* meaning;
};

// For people: --help and the manual.
inline constexpr std::array kExitMeanings = {
    ExitMeaning{"0", "it is done; of run and sidecar also: stopped while another candidate led"},
    ExitMeaning{"1", "of a command to a running leasehold: it refused"},
    ExitMeaning{"N", "the workload's own, if it is not started again; 128 + n when signal n ended it"},
    ExitMeaning{"2", "command line or configuration: every problem was printed, nothing was started"},
    ExitMeaning{"124", "gave up waiting for leadership (--wait-timeout)"},
    ExitMeaning{"125", "leasehold could not do its work: port in use, lease file not usable, nobody answers"},
    ExitMeaning{"126", "the command cannot be executed"},
    ExitMeaning{"127", "the command cannot be found"},
};

}  // namespace leasehold::app
