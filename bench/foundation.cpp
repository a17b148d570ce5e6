// SPDX-License-Identifier: Apache-2.0
//
// Measures what the program costs and how fast it hands over, with real candidates on the file store, or on a Lease of
// a real API server, or on a real cluster of those in tests/servers/ensemble.h:
//
//   bench_foundation [repetitions] [file|kubernetes|etcd|...]
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
#include "tests/servers/ensemble.h"
#include "tests/servers/kube_api.h"

namespace {

using namespace leasehold::harness;
using leasehold::servers::Ensemble;
using leasehold::servers::KubeApi;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr unsigned kRetryPeriodMs = 200;

std::unique_ptr<Candidate> start(const TempFolder& folder, const std::string& name, const std::string& store) {
    return std::make_unique<Candidate>(Candidate::Options{.folder = folder.path(),
                                                          .name = name,
                                                          .command = {stamper_program(), folder.path("board")},
                                                          .timing = {"2s", "1s", fmt::format("{}ms", kRetryPeriodMs)},
                                                          .listen = "127.0.0.1:0",
                                                          .store = store});
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

// Three candidates, and what is done to their leaders.
class Trial {
public:
    explicit Trial(std::string store) : store_(std::move(store)) {
        for (const char* name : {"a", "b", "c"}) candidates_.push_back(start(folder_, name, store_));
        next_run();
    }

    // Until every standby watches and the leader has renewed: a candidate that is just starting takes a processor.
    void settle() {
        for (auto& candidate : candidates_) {
            if (candidate->name() != runs_.back().identity) {
                eventually([&] { return candidate->log().find("holds the lease") != std::string::npos; });
            }
        }
        usleep(2 * kRetryPeriodMs * 1000);
    }

    // Each returns how long nobody ran, in milliseconds.
    double stop_the_leader() {
        auto& leader = with(true);
        leader->process().signal(SIGTERM);
        return replace(leader);
    }

    double kill_the_supervisor() {
        kill(with(true)->role("leasehold-super"), SIGKILL);
        next_run();
        // A supervisor that dies often is started again after a pause: everybody is to be able to lead.
        for (auto& candidate : candidates_) candidate->role("leasehold-super");
        return gap();
    }

    double kill_the_candidate() {
        auto& leader = with(true);
        leader->kill_all();
        return replace(leader);
    }

    Candidate& leader() { return *with(true); }
    Candidate& standby() { return *with(false); }

    std::string end() {
        for (auto& candidate : candidates_) candidate->process().signal(SIGTERM);
        for (auto& candidate : candidates_) candidate->process().wait();
        const std::string overlap = find_overlap(board_.runs());
        fmt::print("runs: {}, overlap: {}\n", board_.runs().size(), overlap.empty() ? "none" : overlap);
        return overlap;
    }

private:
    std::unique_ptr<Candidate>& with(bool leading) {
        for (auto& candidate : candidates_) {
            if ((candidate->name() == runs_.back().identity) == leading) return candidate;
        }
        std::abort();
    }

    void next_run() {
        const std::size_t before = runs_.size();
        if (!eventually([&] { return board_.runs().size() > before; })) {
            fmt::print(stderr, "no successor\n");
            std::exit(1);
        }
        runs_ = board_.runs();
    }

    double gap() const { return Milliseconds(runs_.back().first - runs_[runs_.size() - 2].last).count(); }

    double replace(std::unique_ptr<Candidate>& gone) {
        gone->process().wait();
        next_run();
        gone = start(folder_, gone->name(), store_);
        standby().http_port();
        return gap();
    }

    const std::string store_;
    TempFolder folder_;
    Board board_{folder_.path("board")};
    std::vector<std::unique_ptr<Candidate>> candidates_;
    std::vector<Stint> runs_;
};

// A Lease that nobody has to wait for, as the store of a configuration.
std::string lease_in(KubeApi& cluster) {
    const std::string namespace_name = cluster.create_namespace();
    cluster.must("POST", "/apis/coordination.k8s.io/v1/namespaces/" + namespace_name + "/leases",
                 {{"metadata", {{"name", "test"}, {"annotations", {{"leasehold.io/unused", "true"}}}}}});
    return "kubernetes: {kubeconfig: " + cluster.kubeconfig(KubeApi::kAdmin, namespace_name) + "}";
}

std::unique_ptr<Ensemble> start_ensemble(std::string_view name) {
    for (const auto& kind : leasehold::servers::ensemble_kinds()) {
        if (kind.name != name) continue;
        if (kind.unavailable.empty()) return start_warm(kind);
        fmt::print(stderr, "{}\n", kind.unavailable);
        std::exit(1);
    }
    fmt::print(stderr, "{}: no store that is known here\n", name);
    std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
    const int repetitions = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 20;
    const std::string_view store = argc > 2 ? argv[2] : "file";
    std::unique_ptr<KubeApi> cluster;
    std::unique_ptr<Ensemble> ensemble;
    if (store == "kubernetes") cluster = std::make_unique<KubeApi>(KubeApi::Options{});
    if (!cluster && store != "file") ensemble = start_ensemble(store);
    Trial trial(cluster ? lease_in(*cluster) : ensemble ? ensemble->store_option(ensemble->client_ports()) : "");
    const auto repeat = [&](const char* what, double (Trial::*once)()) {
        std::vector<double> values;
        for (int i = 0; i < repetitions; ++i) {
            trial.settle();
            values.push_back((trial.*once)());
        }
        print(what, std::move(values), "ms");
    };
    repeat("SIGTERM of the leader: old workload's end to new one's start", &Trial::stop_the_leader);
    repeat("SIGKILL of the supervisor: the same", &Trial::kill_the_supervisor);
    repeat("SIGKILL of the whole candidate, lease 2000 ms: the same", &Trial::kill_the_candidate);
    print_cost("memory of a leader, three processes", trial.leader());
    print_cost("memory of a standby, three processes", trial.standby());
    print_cpu("an idle standby", trial.standby(), 20);
    print_cpu("a leader with a retry period of 200 ms", trial.leader(), 20);
    return trial.end().empty() ? 0 : 1;
}
