// SPDX-License-Identifier: Apache-2.0
//
// What the standard process_* metrics say about this process, from /proc. Reads files of the kernel's own, so it does
// not block on a disk.
#pragma once

#include <optional>

namespace leasehold::metrics {

struct ProcessSample {
    double cpu_seconds = 0;
    double resident_bytes = 0;
    double virtual_bytes = 0;
    double open_fds = 0;
    double max_fds = 0;  // infinity when there is no limit
    double start_unix_seconds = 0;
};

// Nothing when /proc is missing or cannot be read.
std::optional<ProcessSample> sample_process();

}  // namespace leasehold::metrics
