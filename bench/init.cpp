// SPDX-License-Identifier: Apache-2.0
#include "bench/sections.h"

namespace leasehold::bench {

void measure_init(Report& report, const Options& options) {
    static_cast<void>(options);
    report.skip("init", "no such measurement yet");
}

}  // namespace leasehold::bench
