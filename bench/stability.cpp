// SPDX-License-Identifier: Apache-2.0
//
// How often a healthy leader is deposed on a machine that has too much to do.
//
// Ten busy processes per processor compute without end, at ordinary priority. Beside them run, all at the same time, a
// leader and a standby for each tool, store and lease duration (renew deadline and retry period in the proportions of
// 15/10/2); where there is a goal for an hour, a dozen of such pairs, so that five minutes show as much. Nothing is
// wrong with any of them, so each workload that ends before the soak does is a false step-down; they are counted on the
// board. The API server has a machine of its own elsewhere, and comes before the busy processes here. That it does not
// suffer from them is shown by raw writes to it, made beside with the same precedence: one that takes longer than a
// renew deadline ends anybody's leadership, and is not the fault of a tool.
#include "bench/sections.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <regex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/kube_users.h"
#include "bench/member.h"
#include "tests/servers/kube_api.h"

namespace leasehold::bench {
namespace {

using servers::KubeApi;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr const char* kSection = "stability";
constexpr long kBusyPerProcessor = 10;
constexpr milliseconds kBetweenWrites{200};
constexpr seconds kSettling{5};
constexpr seconds kLeaseWithGoal{2};
constexpr int kElectionsWithGoal = 12;

std::system_error failed(const char* what) { return {errno, std::generic_category(), what}; }

// Processes that compute without end; they die with this object, or with the thread that made it.
class BusyProcesses {
public:
    explicit BusyProcesses(long count) {
        for (long i = 0; i < count; ++i) {
            const pid_t child = fork();
            if (child < 0) throw failed("fork");
            if (child == 0) compute();
            children_.push_back(child);
        }
    }
    ~BusyProcesses() {
        for (const pid_t child : children_) kill(child, SIGKILL);
        for (const pid_t child : children_) waitpid(child, nullptr, 0);
    }
    BusyProcesses(const BusyProcesses&) = delete;
    BusyProcesses& operator=(const BusyProcesses&) = delete;

private:
    [[noreturn]] static void compute() {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(1);
        for (volatile unsigned long turns = 0;;) turns = turns + 1;
    }

    std::vector<pid_t> children_;
};

// Writes to a config map of an API server, one after the other, in a thread of its own; each with a connection of its
// own.
class RawWrites {
public:
    explicit RawWrites(KubeApi& api)
        : api_(api), path_("/api/v1/namespaces/" + api.create_namespace() + "/configmaps") {
        api_.must("POST", path_, {{"metadata", {{"name", "raw"}}}});
        thread_ = std::thread([this] { run(); });
    }
    ~RawWrites() { stop(); }
    RawWrites(const RawWrites&) = delete;
    RawWrites& operator=(const RawWrites&) = delete;

    std::vector<double> stop() {
        stopped_ = true;
        if (thread_.joinable()) thread_.join();
        return took_ms_;
    }

private:
    void run() {
        go_ahead_of_others();  // or this would show how long this thread waits for a processor
        while (!stopped_) {
            const auto begin = harness::monotonic_now();
            api_.request("PATCH", path_ + "/raw", {{"data", {{"written", std::to_string(took_ms_.size())}}}});
            took_ms_.push_back(Milliseconds(harness::monotonic_now() - begin).count());
            std::this_thread::sleep_for(kBetweenWrites);
        }
    }

    KubeApi& api_;
    const std::string path_;
    std::atomic<bool> stopped_{false};
    std::vector<double> took_ms_;  // the thread's, until it has ended
    std::thread thread_;
};

// A leader and a standby of one tool, on one store, with one lease duration.
struct Pair {
    std::string setting;
    std::string tool;
    std::unique_ptr<KubeUsers> users = {};
    std::unique_ptr<Group> group = std::make_unique<Group>();
    std::size_t runs_before = 0;

    int step_downs() const { return static_cast<int>(group->runs().size() - runs_before); }
};

// Of lease, renew deadline and retry period: the defaults, 15/10/2, made smaller.
harness::TestTiming timing_of(seconds lease) {
    const auto ms = [](milliseconds value) { return fmt::format("{}ms", value.count()); };
    return {ms(lease), ms(milliseconds(lease) * 10 / 15), ms(milliseconds(lease) * 2 / 15)};
}

class Soak {
public:
    Soak(Report& report, const Options& options) : report_(report), options_(options), wanted_(options.stores) {
        const bool kubernetes = std::regex_search("kubernetes", wanted_);
        if (kubernetes && KubeApi::available()) {
            api_ = start_api_ahead_of_others();
        } else if (kubernetes) {
            report_.skip(kSection, KubeApi::unavailable_message());
        }
        for (const seconds lease : {seconds(1), seconds(2), seconds(5)}) start_pairs(lease);
    }

    void measure() {
        for (Pair& pair : pairs_) demand(pair.group->has_runs(1), pair.tool + ", " + pair.setting + ": nobody leads");
        std::this_thread::sleep_for(kSettling);
        const long processes = kBusyPerProcessor * sysconf(_SC_NPROCESSORS_ONLN);
        for (Pair& pair : pairs_) pair.runs_before = pair.group->runs().size();
        std::vector<double> writes;
        {
            const BusyProcesses busy(processes);
            std::unique_ptr<RawWrites> raw;
            if (api_) raw = std::make_unique<RawWrites>(*api_);
            std::this_thread::sleep_for(options_.soak);
            for (const Sum& sum : sums()) report(sum, processes);
            if (raw) writes = raw->stop();
        }
        if (!writes.empty()) report_store(writes);
    }

private:
    // Where there is a goal for an hour, so many elections at the same time make an hour of five minutes.
    void start_pairs(seconds lease) {
        const harness::TestTiming timing = timing_of(lease);
        const std::string setting = fmt::format("lease of {} s", lease.count());
        const int elections = lease == kLeaseWithGoal ? kElectionsWithGoal : 1;
        for (int i = 0; i < elections; ++i) {
            if (std::regex_search("file", wanted_)) start_on_file(setting, timing);
            if (api_) start_on_kubernetes(setting, timing);
        }
        if (api_) start_client_go(setting, timing);
    }

    void start_on_file(const std::string& setting, const harness::TestTiming& timing) {
        pairs_.push_back({.setting = setting, .tool = "leasehold, file"});
        for (const char* name : {"a", "b"}) pairs_.back().group->start_leasehold(name, {.timing = timing});
    }

    void start_on_kubernetes(const std::string& setting, const harness::TestTiming& timing) {
        pairs_.push_back({.setting = setting, .tool = "leasehold, Kubernetes"});
        Pair& ours = pairs_.back();
        ours.users = std::make_unique<KubeUsers>(*api_, "soak");
        for (const char* name : {"a", "b"}) {
            ours.group->start_leasehold(
                name, {.timing = timing, .store = "kubernetes: {kubeconfig: " + ours.users->kubeconfig(name) + "}"});
        }
    }

    void start_client_go(const std::string& setting, const harness::TestTiming& timing) {
        pairs_.push_back({.setting = setting, .tool = "client-go"});
        Pair& theirs = pairs_.back();
        theirs.users = std::make_unique<KubeUsers>(*api_, "soak");
        for (const char* name : {"a", "b"}) {
            servers::ClientGoOptions wanted;
            wanted.kubeconfig = theirs.users->kubeconfig(name);
            wanted.namespace_name = theirs.users->name_space();
            wanted.name = "test";
            wanted.lease_duration = timing.lease;
            wanted.renew_deadline = timing.deadline;
            wanted.retry_period = timing.retry;
            theirs.group->start_client_go(name, wanted);
        }
    }

    // All elections of one tool in one setting together.
    struct Sum {
        std::string setting;
        std::string tool;
        int elections = 0;
        int step_downs = 0;
        int overlaps = 0;
    };

    std::vector<Sum> sums() const {
        std::vector<Sum> sums;
        for (const Pair& pair : pairs_) {
            auto sum = std::find_if(sums.begin(), sums.end(), [&](const Sum& one) {
                return one.setting == pair.setting && one.tool == pair.tool;
            });
            if (sum == sums.end()) sum = sums.insert(sums.end(), {pair.setting, pair.tool});
            ++sum->elections;
            sum->step_downs += pair.step_downs();
            sum->overlaps += harness::find_overlap(pair.group->runs()).empty() ? 0 : 1;
        }
        return sums;
    }

    void report(const Sum& sum, long processes) {
        const double hours = sum.elections * std::chrono::duration<double, std::ratio<3600>>(options_.soak).count();
        const bool ours = sum.tool.rfind("leasehold", 0) == 0;
        const bool has_goal = ours && hours >= 1;
        report_.add({.section = kSection,
                     .setting = sum.setting,
                     .subject = sum.tool,
                     .quantity = "false step-downs an hour",
                     .unit = "",
                     .samples = {sum.step_downs / hours},
                     .at_most = has_goal ? std::optional<double>(0) : std::nullopt,
                     .overlaps = sum.overlaps,
                     .remark = fmt::format("{} in {} s of {} elections, beside {} busy processes", sum.step_downs,
                                           options_.soak.count(), sum.elections, processes)});
    }

    void report_store(std::vector<double> writes) {
        const double longest = *std::max_element(writes.begin(), writes.end());
        const std::size_t count = writes.size();
        report_.add({.section = kSection,
                     .setting = "the API server itself",
                     .subject = "the store",
                     .quantity = "one raw write on a new connection",
                     .unit = "ms",
                     .samples = std::move(writes),
                     .remark = fmt::format("the longest of {}: {:.0f} ms", count, longest)});
    }

    Report& report_;
    const Options& options_;
    const std::regex wanted_;
    std::unique_ptr<KubeApi> api_;
    std::vector<Pair> pairs_;
};

}  // namespace

void measure_stability(Report& report, const Options& options) { Soak(report, options).measure(); }

}  // namespace leasehold::bench
