// SPDX-License-Identifier: Apache-2.0
//
// workload.output: what becomes of what the workload writes to its standard output and error.
#pragma once

#include <string>

namespace leasehold::supervisor {

enum class OutputFormat {
    inherit,  // its streams are those that leasehold was started with: nothing of it is seen
    text,     // captured: line by line, each with a prefix
    json,     // captured: each line an object
};

// When nobody takes the captured output: the workload waits, or whole lines are dropped and counted.
enum class OutputOverflow { block, drop };

struct OutputOptions {
    OutputFormat format = OutputFormat::inherit;
    std::string prefix;  // of lines of format text
    OutputOverflow overflow = OutputOverflow::block;
    int buffer = 1 << 20;  // bytes that wait for a reader before lines are dropped
    int keep_last = 20;    // lines, to be shown when the workload has ended

    bool captured() const { return format != OutputFormat::inherit; }

    friend bool operator==(const OutputOptions&, const OutputOptions&) = default;
};

}  // namespace leasehold::supervisor
