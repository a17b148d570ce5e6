// SPDX-License-Identifier: Apache-2.0
//
// What metrics say about this process and about others, from /proc. Reads files of the kernel's own, so it does
// not block on a disk.
#pragma once

#include <optional>

#include <sys/types.h>

namespace leasehold::metrics {

struct ProcessSample {
    double cpu_seconds = 0;
    double resident_bytes = 0;
    double virtual_bytes = 0;
    std::optional<double> open_fds;  // of another process it takes the right to look into it
    std::optional<double> max_fds;   // of this process only; infinity when there is no limit
    double start_unix_seconds = 0;
};

// Nothing when there is no such process, or /proc is missing or cannot be read. 0: this process.
std::optional<ProcessSample> sample_process(pid_t process = 0);

}  // namespace leasehold::metrics
