// SPDX-License-Identifier: Apache-2.0
//
// What the inits make of many processes: the other half of the section "init" (bench/init.cpp).
//
//   reaping   10,000 orphans wait below the init, forked twice each, and are killed by one kill(2). From just before
//             that until none of them is left, not even dead: then the init has waited for each. Told by the workload,
//             which asks the kernel for each of them. Physical limit: an init that does nothing but waitpid(2),
//             every 2 ms for all that have ended. (One that wakes up for each is slower: the kernel looks past all
//             living children to find the dead one.)
//   stopping  1,000 processes. SIGTERM is sent to the init; each process holds a FIFO, and the kernel says when the
//             last one has let go of it, which is when it has ended. leasehold releases its lease only after it has
//             proven that nothing is left: the mark in its record is that proof, seen from outside. Where
//             the tree ignores SIGTERM, time counts from when SIGKILL is due: SIGTERM and the grace period. What lives
//             on after the init has ended, or half a second after the grace period, is left behind. Physical limit: one
//             kill(2) for each of them by its number, and a loop of waitpid(2).
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <sys/wait.h>

#include "bench/init_subject.h"
#include "bench/sections.h"
#include "tests/harness/board.h"

namespace leasehold::bench {
namespace {

using namespace std::chrono_literals;
using harness::monotonic_now;

constexpr int kOrphans = 10'000;
constexpr std::uint32_t kTree = 1'000;
constexpr double kTreeGoalMs = 100;

// ---- reaping --------------------------------------------------------------------------------------------------------

double reap(const Init& init, bool as_pid_1) {
    Run run(init, {.workload = {"orphans", std::to_string(kOrphans)}, .as_pid_1 = as_pid_1});
    const bool done = soon([&] { return run.page().reaped_ns != 0 || run.ended(0ms); });
    if (!done || run.page().reaped_ns == 0) {
        throw std::runtime_error(
            fmt::format("{}: {} of {} orphans, and they are not reaped", init.name, run.page().ready.load(), kOrphans));
    }
    return milliseconds(monotonic(run.page().reaped_ns) - monotonic(run.page().released_ns));
}

void measure_reaping(Report& report, const std::string& setting, const std::vector<Init>& inits, bool as_pid_1,
                     int repetitions) {
    const Init reaper{.tool = Tool::reaper, .name = "waitpid(2) for all, every 2 ms"};
    std::vector<double> limit;
    std::vector<std::vector<double>> samples(inits.size());
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        limit.push_back(reap(reaper, as_pid_1));
        for (std::size_t i = 0; i < inits.size(); ++i) samples[i].push_back(reap(inits[i], as_pid_1));
    }
    for (std::size_t i = 0; i < inits.size(); ++i) {
        report.add({.section = "init",
                    .setting = setting,
                    .subject = inits[i].name,
                    .quantity = "10,000 orphans killed at once: until all are reaped",
                    .unit = "ms",
                    .samples = samples[i],
                    .limit = Limit{reaper.name, median(limit)},
                    .remark = inits[i].remark});
    }
}

// ---- stopping a tree ------------------------------------------------------------------------------------------------

struct Shape {
    const char* argument;
    const char* setting;
    bool obeys;
};

constexpr Shape kShapes[] = {
    {"group-obeys", "1,000 processes in one group, obeying SIGTERM", true},
    {"sessions-obeys", "1,000 processes in 6 sessions, obeying SIGTERM", true},
    {"sessions-ignores", "1,000 processes in 6 sessions, ignoring SIGTERM", false},
};

struct Stop {
    std::vector<double> let_go;  // ms
    std::vector<double> released;
    std::vector<double> left;
};

// What it takes at least: SIGKILL to each.
double kill_each(const Shape& shape) {
    Run run({.name = "no init"}, {.workload = {"tree", "@", shape.argument}});
    run.wait_for(kTree);
    const auto begin = monotonic_now();
    for (std::uint32_t i = 0; i < kTree; ++i) {
        if (const pid_t process = run.page().pids[i]; process > 0) kill(process, SIGKILL);
    }
    while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    return milliseconds(monotonic_now() - begin);
}

void stop(const Init& init, const Shape& shape, Stop& samples) {
    Run run(init, {.workload = {"tree", "@", shape.argument}});
    run.wait_for(kTree);
    std::this_thread::sleep_for(50ms);
    const auto sent = run.signal(SIGTERM);
    const bool ours = init.tool == Tool::leasehold;
    const auto begin = shape.obeys ? sent : sent + kGrace;
    const Run::Ends ends = run.ends(ours ? 30s : (shape.obeys ? 0ms : kGrace) + 500ms);
    if (ends.tree) samples.let_go.push_back(milliseconds(*ends.tree - begin));
    if (ends.released) samples.released.push_back(milliseconds(*ends.released - begin));
    samples.left.push_back(ends.tree ? 0 : run.survivors());
}

void add_stops(Report& report, const Shape& shape, const Init& init, Stop samples, const Limit& limit) {
    const bool ours = init.tool == Tool::leasehold;
    const std::string since = shape.obeys ? "SIGTERM" : "the end of the grace period";
    const auto add = [&](const std::string& quantity, const char* unit, std::vector<double> values,
                         const std::string& remark = "") {
        Reading reading{.section = "init",
                        .setting = shape.setting,
                        .subject = init.name,
                        .quantity = quantity,
                        .unit = unit,
                        .samples = std::move(values),
                        .remark = remark};
        if (reading.samples.empty()) return;
        if (reading.unit == "ms") reading.limit = limit;
        if (ours && !shape.obeys && reading.unit == "ms") reading.at_most = kTreeGoalMs;
        report.add(std::move(reading));
    };
    const bool some_left = median(samples.left) > 0;
    if (!some_left) add(since + " until the last process has ended", "ms", std::move(samples.let_go));
    const char* const patience = ours ? "" : "looked at half a second later";
    if (ours) add(since + " until proven empty, and the lease released", "ms", std::move(samples.released));
    add("processes left behind", "", std::move(samples.left), some_left ? "as PID 1 the kernel kills them" : patience);
}

void measure_shape(Report& report, const Shape& shape, const std::vector<Init>& inits, int repetitions) {
    std::vector<double> limit;
    std::vector<Stop> samples(inits.size());
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        limit.push_back(kill_each(shape));
        for (std::size_t i = 0; i < inits.size(); ++i) {
            const bool waits_in_vain = inits[i].tool != Tool::leasehold && repetition >= 3;
            if (!waits_in_vain || median(samples[i].left) <= 0) stop(inits[i], shape, samples[i]);
        }
    }
    const Limit least{"SIGKILL and wait for each", median(limit)};
    for (std::size_t i = 0; i < inits.size(); ++i) add_stops(report, shape, inits[i], samples[i], least);
}

}  // namespace

void measure_init_trees(Report& report, const Options& options) {
    const Subreaper subreaper;
    const int rounds = (options.repetitions + 6) / 7;  // of seconds each
    if (geteuid() == 0) {
        measure_reaping(report, "as PID 1", inits_for_commands(), true, rounds);
    } else {
        report.skip("init", "as PID 1: a PID namespace takes root");
    }
    const std::vector<Init> inits = inits_for_trees();
    std::vector<Init> below = inits;
    // The others are no subreapers: below another init orphans are not theirs.
    std::erase_if(below, [](const Init& init) { return init.tool != Tool::leasehold && init.tool != Tool::tini; });
    measure_reaping(report, "below another init", below, false, rounds);
    for (const Shape& shape : kShapes) measure_shape(report, shape, inits, (options.repetitions + 1) / 2);
}

}  // namespace leasehold::bench
