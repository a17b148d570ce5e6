// SPDX-License-Identifier: Apache-2.0
//
// The page on which bench/workload.cpp writes down what happened to it: a file that the benchmark maps too. Instants
// are nanoseconds of CLOCK_MONOTONIC; 0 is never.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace leasehold::bench {

inline constexpr std::size_t kMostProcesses = 16384;

struct WorkloadPage {
    std::atomic<std::int32_t> runs;         // how often it was started
    std::atomic<std::int64_t> running_ns;   // its first act
    std::atomic<std::int64_t> signal_ns;    // its handler ran, most recently
    std::atomic<std::int64_t> released_ns;  // all orphans were killed
    std::atomic<std::int64_t> reaped_ns;    // none of them was a process any more, not even a dead one
    std::atomic<std::uint32_t> taken;       // places in `pids`
    std::atomic<std::uint32_t> ready;       // processes that are as they are to be, and have said who they are
    std::array<std::atomic<std::int32_t>, kMostProcesses> pids;  // of them, as they see themselves
};

}  // namespace leasehold::bench
