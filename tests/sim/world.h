// SPDX-License-Identifier: Apache-2.0
//
// One run: a world drawn from a seed, storms of faults, and after each of them the question whether it is well again.
// First nothing bad may happen, then something good must.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/checkers.h"
#include "tests/sim/profile.h"

namespace leasehold::sim {

struct Outcome {
    std::uint64_t seed = 0;
    std::optional<std::string> violation;
    std::uint64_t hash = 0;  // of everything that happened
    std::uint64_t events = 0;
    Duration virtual_time{};
    std::array<std::uint64_t, kFaultKinds> faults{};
    Counts counts;
    std::vector<std::string> trace;  // when asked for
};

// Runs the world of a seed to its end, or to the first violation. Depends on nothing but its arguments.
Outcome run(std::uint64_t seed, const Wishes& wishes, bool with_trace);

}  // namespace leasehold::sim
