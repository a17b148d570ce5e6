// SPDX-License-Identifier: Apache-2.0
//
// What came of executing a probe, as the supervisor tells the agent.
#pragma once

#include <cstdint>

namespace leasehold::supervisor {

// What is asked by a command.
enum class Probed : std::uint32_t { ready, health, candidacy };

struct ExecOutcome {
    enum class Kind : std::uint32_t {
        passed,
        failed,     // `detail` is the exit status, 128 + n for the signal n
        timed_out,  // it was killed
        unusable,   // it could not be started; `detail` is the errno
    };
    Kind kind = Kind::passed;
    int detail = 0;
    int failures = 0;      // in a row
    bool failing = false;  // as many as the threshold, or more
    bool passing = false;  // the same of passes
};

}  // namespace leasehold::supervisor
