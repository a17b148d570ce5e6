// SPDX-License-Identifier: Apache-2.0
//
// What every part of one simulated world shares.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "tests/sim/profile.h"
#include "tests/sim/random.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/trace.h"

namespace leasehold::sim {

// A checker found that a promise was broken. Ends the run.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Context {
    Context(std::uint64_t seed, const Wishes& wishes)
        : random(seed), trace(time), profile(draw_profile(random, wishes)) {}

    Scheduler time;
    Random random;
    Trace trace;
    Profile profile;
    std::array<std::uint64_t, kFaultKinds> faults{};  // injected so far

    // How long something small takes: mostly microseconds, now and then up to `longest`.
    Duration small_delay(Duration longest) {
        if (random.chance(0.95)) return random.between(std::chrono::microseconds(10), std::chrono::microseconds(200));
        return random.between(Duration{}, longest);
    }
};

}  // namespace leasehold::sim
