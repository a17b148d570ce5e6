// SPDX-License-Identifier: Apache-2.0
//
// What processes use of a machine, as the kernel tells it.
//
// Threads: any. Nothing blocks. A process that is gone counts as nothing.
#pragma once

#include <chrono>
#include <vector>

#include <sys/types.h>

namespace leasehold::bench {

struct Memory {
    double private_mib = 0;  // pages that nobody else has, as the kernel counts them now
    // Proportional set size, as it is where nothing else of the same program runs: what the processes share with each
    // other counts once, what they share with anybody else in full. The kernel's own figure divides that by the number
    // of all who have it, which says little on a machine where many candidates run beside each other.
    double proportional_mib = 0;
};

// Of all of them together. Needs root, who alone may know which pages are the same ones (proc(5), "pagemap"): the
// kernel's own figure is taken otherwise.
Memory memory_of(const std::vector<pid_t>& processes);

// Of all their threads that still live, to the nanosecond (proc(5), "schedstat").
std::chrono::nanoseconds cpu_of(const std::vector<pid_t>& processes);

}  // namespace leasehold::bench
