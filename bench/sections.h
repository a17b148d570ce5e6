// SPDX-License-Identifier: Apache-2.0
//
// The parts of the benchmark. Each starts what it measures, real servers and the tools it compares with among it, on
// loopback; ends all of it again by the ids that it started; and adds its readings to the report. One that lacks a
// program says so there, and measures what it can.
//
// Threads: called from the main thread, one after the other. They block for minutes. What goes wrong beyond that is
// thrown as std::runtime_error, which the report then names in place of the section.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>

#include "bench/report.h"

namespace leasehold::bench {

// Thrown where a program that is compared with, or a server, is not there: that part is left out, and nothing has
// failed.
struct Unavailable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Options {
    int repetitions = 20;            // of what takes seconds; what takes milliseconds is repeated more
    std::chrono::seconds soak{300};  // how long stability is watched, for each setting
    std::string stores = "";         // a regular expression of the stores that are wanted; empty: all
    std::string subjects = "";       // the same of who hands over
};

void measure_hand_over(Report& report, const Options& options);
void measure_loss(Report& report, const Options& options);
void measure_cost(Report& report, const Options& options);
void measure_crowd(Report& report, const Options& options);
void measure_init(Report& report, const Options& options);
void measure_init_trees(Report& report, const Options& options);  // of the section "init" too
void measure_serving(Report& report, const Options& options);
void measure_stability(Report& report, const Options& options);

}  // namespace leasehold::bench
