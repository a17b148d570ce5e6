// SPDX-License-Identifier: Apache-2.0
//
// leasehold_sim: runs simulated elections until something breaks, or replays one run.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "tests/sim/batch.h"

namespace {

using namespace leasehold::sim;

constexpr const char* kUsage =
    "usage: leasehold_sim [--seed N] [--runs N | --elections N] [--candidates N] [--jobs N] [--break WHAT] [--trace]\n"
    "  --seed N        the first seed; alone, one run with this seed (default 1)\n"
    "  --runs N        that many runs, with seeds one after the other\n"
    "  --elections N   as many runs as it takes to see N elections\n"
    "  --candidates N  in every run; otherwise by chance, 1 to 7\n"
    "  --jobs N        runs side by side (default: one for each processor)\n"
    "  --break WHAT    a subject broken on purpose (tests/sim/subject.h); the checkers are to find it\n"
    "  --trace         print what happens (one run)\n"
    "  --help          this, and what the summary means\n";

constexpr const char* kMeaning =
    "\n"
    "The summary, line by line:\n"
    "  seeds A to B    the seeds that were run. Each run is a world of 1 to 7 candidates with three storms of faults, "
    "and\n"
    "                  a calm after each of them in which everything has to be well again.\n"
    "    runs          how many worlds that was\n"
    "    elections     terms that were granted to a candidate\n"
    "    trees         workloads that were started (a term may end before that)\n"
    "    releases      leases given back in order, seen in the store\n"
    "    events        steps of the simulation, of all processes, messages and timers\n"
    "    virtual time  how long all of it would have taken in reality\n"
    "    violations    runs in which a promise was broken (tests/sim/checkers.h has the rules); must be 0\n"
    "  faults          how often each kind of fault was injected, and their sum (tests/sim/profile.h has the kinds)\n"
    "  thawed past the hard instant\n"
    "                  workloads that were frozen with their whole machine until their deadline had passed and then "
    "ran\n"
    "                  on: no lease can prevent that. How long the longest-lived of them ran; more than the kill\n"
    "                  allowance would be a violation.\n"
    "  left behind by processes that were killed at once\n"
    "                  workloads that lost all three processes of leasehold in one moment where the kernel does not "
    "back\n"
    "                  the containment, so that nothing held them to the lease; for how many of them another machine\n"
    "                  started a workload meanwhile (outside of the promise, docs/architecture.md). One that was "
    "started\n"
    "                  on the same machine beside them would be a violation.\n"
    "  from a release to the successor's tree, all well\n"
    "                  the time nobody ran after a clean stop without any fault: how many of these were measured, the\n"
    "                  median, the longest. Timers and messages of the simulated processes are late by chance.\n"
    "  took            real time, and elections in a second of it\n"
    "After a violation: the seed, the broken rule, the command that shows the run again, the last lines of its "
    "trace.\n";

struct Arguments {
    BatchPlan plan;
    bool trace = false;
};

[[noreturn]] void refuse(const std::string& what) {
    std::fprintf(stderr, "leasehold_sim: %s\n%s", what.c_str(), kUsage);
    std::exit(2);
}

std::uint64_t number(std::string_view key, const char* text) {
    char* end = nullptr;
    const std::uint64_t value = std::strtoull(text, &end, 10);
    if (end == text || *end != '\0') refuse(std::string(key) + " needs a number, not '" + text + "'");
    return value;
}

Breakage breakage(const char* text) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Breakage::count); ++i) {
        if (name(static_cast<Breakage>(i)) == text) return static_cast<Breakage>(i);
    }
    refuse(std::string("--break does not know '") + text + "'");
}

Arguments parse(int argc, char** argv) {
    Arguments arguments;
    arguments.plan.jobs = std::max(1U, std::thread::hardware_concurrency());
    for (int i = 1; i < argc; ++i) {
        const std::string_view key = argv[i];
        if (key == "--help") {
            std::printf("%s%s", kUsage, kMeaning);
            std::exit(0);
        }
        if (key == "--trace") {
            arguments.trace = true;
            continue;
        }
        if (i + 1 == argc) refuse(std::string("what is '") + argv[i] + "', or what is its value?");
        const char* value = argv[++i];
        if (key == "--seed") {
            arguments.plan.first_seed = number(key, value);
        } else if (key == "--runs") {
            arguments.plan.runs = number(key, value);
        } else if (key == "--elections") {
            arguments.plan.elections = number(key, value);
        } else if (key == "--candidates") {
            arguments.plan.wishes.candidates = static_cast<int>(std::min<std::uint64_t>(number(key, value), 100));
        } else if (key == "--jobs") {
            arguments.plan.jobs = static_cast<unsigned>(std::max<std::uint64_t>(1, number(key, value)));
        } else if (key == "--break") {
            arguments.plan.wishes.breakage = breakage(value);
        } else {
            refuse("unknown option " + std::string(key));
        }
    }
    return arguments;
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = parse(argc, argv);
    if (arguments.trace) {
        const Outcome outcome = run(arguments.plan.first_seed, arguments.plan.wishes, true);
        for (const auto& line : outcome.trace) std::printf("%s\n", line.c_str());
        return outcome.violation ? 1 : 0;
    }
    const auto began = std::chrono::steady_clock::now();
    const BatchResult result = run_batch(arguments.plan);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("%s\n", summary(result).c_str());
    std::printf("took %.1f s, %.0f elections a second\n", took.count(),
                static_cast<double>(result.total.counts.terms) / std::max(took.count(), 1e-3));
    for (const Outcome& bad : result.violations) std::printf("%s\n", explain(bad, arguments.plan.wishes).c_str());
    return result.violations.empty() ? 0 : 1;
}
