// SPDX-License-Identifier: Apache-2.0
//
// The verdict over one trial, from nothing but the stamps of the workload. Trees are compared, not processes: all that
// carries one LEASEHOLD_TERM_ID is one tree, alive from its first stamp to its last. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/harness/board.h"

namespace leasehold::faults {

inline double milliseconds_of(std::chrono::nanoseconds length) {
    return std::chrono::duration<double, std::milli>(length).count();
}

struct Judgement {
    std::size_t trees = 0;
    double overlap_ms = 0;                // the longest time that two trees were alive together
    std::optional<double> nobody_ran_ms;  // the longest time between one tree's last stamp and the next one's first
    std::optional<double> thawed_ms;      // how long a tree went on after a pause in which another one had begun
    std::string problem;                  // what breaks the promise, in words; empty when nothing does
};

// `frozen`: the test itself froze a whole tree, which no lease can do anything about. What it does after the thaw is
// then reported by itself, in `thawed_ms`, and is no overlap.
Judgement judge(const std::vector<harness::Stint>& stints, bool frozen = false);

}  // namespace leasehold::faults
