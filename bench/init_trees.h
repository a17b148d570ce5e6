// SPDX-License-Identifier: Apache-2.0
//
// Two parts of the section "init" (bench/init.cpp), for a process that is a subreaper: the others are in its file.
#pragma once

#include "bench/report.h"

namespace leasehold::bench {

// 10,000 orphans that die at the same moment.
void measure_reaping(Report& report, int repetitions);

// The stop of a tree of 1,000 processes: one that obeys SIGTERM, one that ignores it.
void measure_trees(Report& report, int repetitions);

}  // namespace leasehold::bench
