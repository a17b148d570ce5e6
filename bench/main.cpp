// SPDX-License-Identifier: Apache-2.0
//
// leasehold beside what people use today, measured in one run on one machine; scripts/bench starts it:
//
//   leasehold_bench [--repetitions N] [--soak SECONDS] [--only REGEX] [--stores REGEX] [--subjects REGEX]
//                   [--json FILE]
//
// Prints the table on standard output, and each reading as it is made on standard error. Ends with 1 if two workloads
// of leasehold's own ever ran at the same time, or a section failed; a goal that was missed is told, but machines
// differ.
#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <regex>
#include <string>
#include <system_error>

#include <fmt/core.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "app/version.h"
#include "bench/sections.h"

namespace {

using namespace leasehold::bench;

struct Section {
    const char* name;
    void (*measure)(Report&, const Options&);
};

constexpr Section kSections[] = {
    {"hand-over", measure_hand_over}, {"loss", measure_loss},           {"cost", measure_cost},
    {"crowd", measure_crowd},         {"init", measure_init},           {"init-trees", measure_init_trees},
    {"serving", measure_serving},     {"stability", measure_stability},
};

struct Command {
    Options options;
    std::string only;
    std::string json;
};

// Whatever this program was started with. Servers written in Go spin while they wait for a lock for a moment; with a
// real-time policy two of them keep two processors for ever from whoever holds it, and from everybody else.
void use_ordinary_scheduling() {
    const sched_param ordinary{};
    if (sched_setscheduler(0, SCHED_OTHER, &ordinary) != 0) {
        throw std::system_error(errno, std::generic_category(), "sched_setscheduler");
    }
}

std::string machine() {
    std::ifstream lines("/proc/cpuinfo");
    std::string model = "unknown processor";
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind("model name", 0) == 0) model = line.substr(line.find(": ") + 2);
        if (model != "unknown processor") break;
    }
    utsname system{};
    if (uname(&system) != 0) throw std::system_error(errno, std::generic_category(), "uname");
    return fmt::format("{} processors ({}), {} {}, leasehold {} ({})", sysconf(_SC_NPROCESSORS_ONLN), model,
                       system.sysname, system.release, leasehold::app::version(), leasehold::app::revision());
}

// False when no section is called so.
bool measure(Report& report, const Command& command) {
    bool any = false;
    const std::regex only(command.only);
    static_cast<void>(std::regex(command.options.stores));  // now, rather than in a section
    static_cast<void>(std::regex(command.options.subjects));
    report.describe_machine(machine());
    for (const Section& section : kSections) {
        if (!std::regex_search(section.name, only)) continue;
        any = true;
        try {
            section.measure(report, command.options);
        } catch (const std::exception& failure) {
            report.fail(section.name, failure.what());
        }
    }
    return any;
}

bool print(const Report& report, const std::string& json) {
    fmt::print("{}", report.table());
    for (const Reading& reading : report.missed()) {
        fmt::print("missed: {}, {}: {} {:.2f} {}, the goal is {:.2f}\n", reading.section, reading.setting,
                   reading.quantity, median(reading.samples), reading.unit, *reading.at_most);
    }
    if (json.empty()) return true;
    std::ofstream file(json);
    file << report.json();
    file.close();
    if (!file) fmt::print(stderr, "cannot write {}\n", json);
    return static_cast<bool>(file);
}

}  // namespace

int main(int argc, char** argv) {
    Command command;
    long long soak = command.options.soak.count();
    CLI::App app("leasehold beside what people use today, measured in one run");
    app.add_option("--repetitions", command.options.repetitions, "of what takes seconds")->check(CLI::Range(1, 1000));
    app.add_option("--soak", soak, "seconds for each setting of the section stability")->check(CLI::Range(1, 86400));
    app.add_option("--only", command.only, "a regular expression of the sections to measure");
    app.add_option("--stores", command.options.stores, "a regular expression of the stores to measure");
    app.add_option("--subjects", command.options.subjects, "a regular expression of who is measured in hand-over");
    app.add_option("--json", command.json, "a file for every sample");
    CLI11_PARSE(app, argc, argv);
    command.options.soak = std::chrono::seconds(soak);
    try {
        use_ordinary_scheduling();
        Report report;
        if (!measure(report, command)) {
            fmt::print(stderr, "no section is called so: {}\n", command.only);
            return 2;
        }
        const bool printed = print(report, command.json);
        if (report.our_overlaps() > 0) fmt::print("OVERLAP: two workloads of one election ran at the same time\n");
        return !report.has_failed() && printed && report.our_overlaps() == 0 ? 0 : 1;
    } catch (const std::regex_error& error) {
        fmt::print(stderr, "that is no regular expression: {}\n", error.what());
        return 2;
    } catch (const std::system_error& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 2;
    }
}
