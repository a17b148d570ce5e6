// SPDX-License-Identifier: Apache-2.0
//
// One clean hand-over among a thousand candidates, in the simulator (tests/sim): the real election core and the real
// term machine of each, over a register that answers after a given time and a network that loses nothing.
//
// Threads: for one thread. Takes some seconds. Throws std::runtime_error if nobody leads, or none takes over.
#pragma once

#include "bench/report.h"

namespace leasehold::bench {

void measure_simulated_crowd(Report& report);

}  // namespace leasehold::bench
