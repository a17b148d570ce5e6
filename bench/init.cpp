// SPDX-License-Identifier: Apache-2.0
//
// leasehold as an init, beside tini, dumb-init and s6. Each runs bench/workload.cpp, which writes down when something
// happened to it; all take turns, so that whatever else happens on the machine happens to all. leasehold elects itself
// in a file that nobody else uses, and has its endpoints on a port of loopback.
//
//   start     from just before the execution of the init to the command's first act. Physical limit: the same without
//             an init, one execution.
//   signals   from just before the kill(2) to the first act of the workload's handler. Physical limit: the workload
//             itself is signalled.
// Reaping and the stop of a tree are in bench/init_trees.cpp.
#include <csignal>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/init_subject.h"
#include "bench/sections.h"
#include "tests/harness/board.h"

namespace leasehold::bench {
namespace {

using namespace std::chrono_literals;

constexpr int kSignalsALife = 20;
constexpr double kStartGoalMs = 5;

struct Samples {
    std::map<std::string, std::vector<double>> of;  // quantity
};

void measure_start(Report& report, int repetitions) {
    const Init bare{.name = "no init"};
    std::vector<Init> inits = inits_for_commands();
    std::vector<double> alone;
    std::vector<Samples> samples(inits.size());
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        const auto started = [](Run& run) {
            if (!soon([&] { return run.page().running_ns != 0; })) throw std::runtime_error("the command never ran");
            return milliseconds(monotonic(run.page().running_ns) - run.begun());
        };
        {
            Run run(bare, {.workload = {"clock"}});
            alone.push_back(started(run));
        }
        for (std::size_t i = 0; i < inits.size(); ++i) {
            Run run(inits[i], {.workload = {"clock"}});
            samples[i].of["start over bare exec"].push_back(started(run) - alone.back());
            if (inits[i].tool == Tool::s6) continue;  // starts a command anew that has ended
            if (const auto end = run.ended(30s)) {
                samples[i].of["command that ends at once: until all is over"].push_back(
                    milliseconds(*end - run.begun()));
            }
        }
    }
    const Limit exec{"one exec", median(alone)};
    for (std::size_t i = 0; i < inits.size(); ++i) {
        for (auto& [quantity, values] : samples[i].of) {
            const bool start = quantity.starts_with("start");
            report.add(
                {.section = "init",
                 .setting = "start",
                 .subject = inits[i].name,
                 .quantity = quantity,
                 .unit = "ms",
                 .samples = std::move(values),
                 .limit = exec,
                 .at_most = start && inits[i].tool == Tool::leasehold ? std::optional(kStartGoalMs) : std::nullopt,
                 .remark = inits[i].remark});
        }
    }
}

// One life of the workload: some signals that are handed on, then the one that ends it.
void signal_life(const Init& init, Samples& samples) {
    Run run(init, {.workload = {"signals"}});
    run.wait_for(1);
    std::this_thread::sleep_for(5ms);  // the init has done what it does after a start
    const auto latency = [&](int signal) {
        const std::int64_t before = run.page().signal_ns;
        const auto sent = run.signal(signal);
        if (!soon([&] { return run.page().signal_ns != before; }, 10s)) {
            throw std::runtime_error(init.name + " hands no signal on");
        }
        return milliseconds(monotonic(run.page().signal_ns) - sent) * 1000;
    };
    // s6-svscan keeps other signals than SIGTERM for itself.
    for (int i = 0; i < kSignalsALife && init.tool != Tool::s6; ++i) {
        samples.of["SIGUSR1 until the handler runs"].push_back(latency(SIGUSR1));
        std::this_thread::sleep_for(1ms);
    }
    const auto begin = harness::monotonic_now();
    samples.of["SIGTERM until the handler runs"].push_back(latency(SIGTERM));
    if (const auto end = run.ended(30s)) {
        samples.of["SIGTERM until all is over"].push_back(milliseconds(*end - begin) * 1000);
    }
}

void measure_signals(Report& report, int repetitions) {
    Init bare{.name = "no init"};
    std::vector<Init> inits = inits_for_commands();
    Samples alone;
    std::vector<Samples> samples(inits.size());
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        signal_life(bare, alone);
        for (std::size_t i = 0; i < inits.size(); ++i) signal_life(inits[i], samples[i]);
    }
    for (std::size_t i = 0; i < inits.size(); ++i) {
        for (auto& [quantity, values] : samples[i].of) {
            const bool all_over = quantity.ends_with("over");
            report.add({.section = "init",
                        .setting = "signals",
                        .subject = inits[i].name,
                        .quantity = quantity,
                        .unit = "us",
                        .samples = std::move(values),
                        .limit = Limit{"no init", median(alone.of[quantity])},
                        .remark = all_over && inits[i].tool == Tool::leasehold
                                      ? "with the release of the lease, and 25 ms of rest"
                                      : ""});
        }
    }
}

}  // namespace

void measure_init(Report& report, const Options& options) {
    const Subreaper subreaper;
    measure_start(report, options.repetitions * 5);
    measure_signals(report, options.repetitions * 2);
}

}  // namespace leasehold::bench
