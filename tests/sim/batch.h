// SPDX-License-Identifier: Apache-2.0
//
// Many runs, and what to say about them. Each run stays within one thread; several run side by side.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace leasehold::sim {

struct BatchPlan {
    std::uint64_t first_seed = 1;
    std::uint64_t runs = 0;       // 0: as many as `elections` takes, or one
    std::uint64_t elections = 0;  // 0: no such aim
    unsigned jobs = 1;
    Wishes wishes;
};

struct BatchResult {
    std::uint64_t runs = 0;
    std::uint64_t first_seed = 0;
    std::uint64_t last_seed = 0;
    Outcome total;                    // sums, and the largest afterlife
    std::vector<Outcome> violations;  // by seed; the batch ends soon after the first
};

BatchResult run_batch(const BatchPlan& plan);

// Counts of everything, on a few lines.
std::string summary(const BatchResult& result);

// A violation: what, the command that replays it, and the last lines of its trace (the run is repeated for that).
std::string explain(const Outcome& bad, const Wishes& wishes);

}  // namespace leasehold::sim
