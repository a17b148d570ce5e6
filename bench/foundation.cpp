// SPDX-License-Identifier: Apache-2.0
//
// Measures what the program costs and how fast it hands over, with real candidates on the file store:
//
//   bench_foundation [repetitions]
//
// Hand-over is counted from the last stamp of the old workload to the first of the new one, so it includes half a
// millisecond of stamping, the release, the watch, the compare-and-swap, and the start of a process.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

#include <fmt/core.h>
#include <unistd.h>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"

namespace {

using namespace leasehold::harness;
using Milliseconds = std::chrono::duration<double, std::milli>;

std::unique_ptr<Candidate> start(const TempFolder& folder, const std::string& name) {
    return std::make_unique<Candidate>(Candidate::Options{.folder = folder.path(),
                                                          .name = name,
                                                          .command = {stamper_program(), folder.path("board")},
                                                          .timing = {"2s", "1s", "200ms"},
                                                          .listen = "127.0.0.1:0",
                                                          .extra = {}});
}

void print(const char* what, std::vector<double> values, const char* unit) {
    std::sort(values.begin(), values.end());
    fmt::print("{:<64} median {:8.2f}  min {:8.2f}  max {:8.2f} {}\n", what, values[values.size() / 2], values.front(),
               values.back(), unit);
}

struct Memory {
    double private_kib = 0;
    double proportional_kib = 0;
};

Memory memory_of(pid_t process) {
    Memory memory;
    std::istringstream lines(read_file(fmt::format("/proc/{}/smaps_rollup", process)));
    for (std::string line; std::getline(lines, line);) {
        const double kib = std::atof(line.c_str() + line.find_first_of("0123456789"));
        if (line.rfind("Private_", 0) == 0) memory.private_kib += kib;
        if (line.rfind("Pss:", 0) == 0) memory.proportional_kib = kib;
    }
    return memory;
}

double cpu_seconds(pid_t process) {
    const std::string stat = read_file(fmt::format("/proc/{}/stat", process));
    std::istringstream fields(stat.substr(stat.rfind(')') + 2));
    std::string field;
    for (int i = 0; i < 11; ++i) fields >> field;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::vector<pid_t> processes_of(Candidate& candidate) {
    return {candidate.process().pid(), candidate.role("leasehold-super"), candidate.role("leasehold-agent")};
}

void print_cost(const char* what, Candidate& candidate) {
    Memory sum;
    for (const pid_t process : processes_of(candidate)) {
        const Memory one = memory_of(process);
        sum.private_kib += one.private_kib;
        sum.proportional_kib += one.proportional_kib;
        fmt::print("  {:<20} private {:6.0f} KiB, proportional {:6.0f} KiB\n", name_of(process), one.private_kib,
                   one.proportional_kib);
    }
    fmt::print("{:<64} private {:6.2f} MiB, proportional {:6.2f} MiB\n", what, sum.private_kib / 1024,
               sum.proportional_kib / 1024);
}

void print_cpu(const char* what, Candidate& candidate, int seconds) {
    const std::vector<pid_t> processes = processes_of(candidate);
    double before = 0;
    double after = 0;
    for (const pid_t process : processes) before += cpu_seconds(process);
    sleep(static_cast<unsigned>(seconds));
    for (const pid_t process : processes) after += cpu_seconds(process);
    fmt::print("{:<64} {:.2f} s of CPU in {} s\n", what, after - before, seconds);
}

}  // namespace

int main(int argc, char** argv) {
    const int repetitions = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 20;
    TempFolder folder;
    Board board(folder.path("board"));
    std::vector<std::unique_ptr<Candidate>> candidates;
    for (const char* name : {"a", "b", "c"}) candidates.push_back(start(folder, name));

    const auto wait_for_run = [&](std::size_t before) {
        if (!eventually([&] { return board.runs().size() > before; })) {
            fmt::print(stderr, "no successor\n");
            std::exit(1);
        }
        return board.runs();
    };
    auto runs = wait_for_run(0);
    const auto leader = [&]() -> std::unique_ptr<Candidate>& {
        for (auto& candidate : candidates) {
            if (candidate->name() == runs.back().identity) return candidate;
        }
        std::exit(1);
    };
    const auto standby = [&]() -> std::unique_ptr<Candidate>& {
        for (auto& candidate : candidates) {
            if (candidate->name() != runs.back().identity) return candidate;
        }
        std::exit(1);
    };

    std::vector<double> clean;
    std::vector<double> supervisor;
    std::vector<double> lost;
    for (int i = 0; i < repetitions; ++i) {
        auto& stopped = leader();
        stopped->process().signal(SIGTERM);
        stopped->process().wait();
        runs = wait_for_run(runs.size());
        clean.push_back(Milliseconds(runs.back().first - runs[runs.size() - 2].last).count());
        stopped = start(folder, stopped->name());
        standby()->http_port();
    }
    for (int i = 0; i < repetitions; ++i) {
        kill(leader()->role("leasehold-super"), SIGKILL);
        runs = wait_for_run(runs.size());
        supervisor.push_back(Milliseconds(runs.back().first - runs[runs.size() - 2].last).count());
        // A supervisor that dies often is started again after a pause: everybody is to be able to lead.
        for (auto& candidate : candidates) candidate->role("leasehold-super");
    }
    for (int i = 0; i < repetitions; ++i) {
        auto& killed = leader();
        killed->kill_all();
        killed->process().wait();
        runs = wait_for_run(runs.size());
        lost.push_back(Milliseconds(runs.back().first - runs[runs.size() - 2].last).count());
        killed = start(folder, killed->name());
        standby()->http_port();
    }
    print("SIGTERM of the leader: old workload's end to new one's start", clean, "ms");
    print("SIGKILL of the supervisor: the same", supervisor, "ms");
    print("SIGKILL of the whole candidate, lease 2000 ms: the same", lost, "ms");
    print_cost("memory of a leader, three processes", *leader());
    print_cost("memory of a standby, three processes", *standby());
    print_cpu("an idle standby", *standby(), 20);
    print_cpu("a leader with a retry period of 200 ms", *leader(), 20);

    for (auto& candidate : candidates) candidate->process().signal(SIGTERM);
    for (auto& candidate : candidates) candidate->process().wait();
    const std::string overlap = find_overlap(board.runs());
    fmt::print("runs: {}, overlap: {}\n", board.runs().size(), overlap.empty() ? "none" : overlap);
    return overlap.empty() ? 0 : 1;
}
