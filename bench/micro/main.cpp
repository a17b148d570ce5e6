// SPDX-License-Identifier: Apache-2.0
//
// What is computed again and again while leasehold runs, and what is computed once at its start, one by one, with
// Google Benchmark: its options apply (--benchmark_filter=REGEX). Neither network nor disk. For profiles:
//
//   valgrind --tool=callgrind leasehold_micro --benchmark_filter=metrics_text --benchmark_min_time=0.01
#include <cstdio>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0 || dup2(nowhere, STDERR_FILENO) < 0) {
        std::perror("/dev/null");
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
