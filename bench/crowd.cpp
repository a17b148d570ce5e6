// SPDX-License-Identifier: Apache-2.0
//
// Many candidates on one lease, and one clean hand-over: the leader gets SIGTERM, its workload exits at once, and one
// of the others is to run it as soon as possible, without all of them storming the store.
//
// The candidates contend for a Lease of a real API server, at the default timing 15/10/2, each as a user of its own, so
// that the server's audit log says who asked for what. Counted is what the server received from the SIGTERM until
// one second after the successor's workload began: by then every loser has its answer, and the successor's first
// renewal is not due. "nobody ran" is from the last stamp of the old workload to the first of the new one.
#include "bench/sections.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include <fmt/core.h>
#include <unistd.h>

#include "bench/crowd_simulated.h"
#include "bench/kube_users.h"
#include "bench/member.h"
#include "bench/process_cost.h"
#include "tests/servers/kube_api.h"

namespace leasehold::bench {
namespace {

using harness::eventually;
using servers::AuditedRequest;
using servers::KubeApi;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr const char* kSection = "crowd";
constexpr std::chrono::seconds kAftermath{1};
constexpr double kGoalMs = 50;
constexpr double kGoalWrites = 1;

// What one hand-over took.
struct HandOver {
    double nobody_ran_ms = 0;
    double requests = 0;
    double conflicts = 0;
    double most_writes = 0;  // by any one candidate other than the one that was stopped
    double cpu_ms = 0;       // of all candidates that stay, and of the server, per processor
};

struct Tool {
    const char* name;
    bool ours;
};

bool is_write(const AuditedRequest& request) {
    return request.resource == "leases" && (request.verb == "update" || request.verb == "patch");
}

class Crowd {
public:
    Crowd(KubeApi& api, const Tool& tool, int size) : api_(api), tool_(tool), users_(api, "crowd") {
        for (int i = 0; i < size; ++i) start();
        demand(group_.has_runs(1, std::chrono::minutes(2)), "nobody leads");
    }

    // Until every standby watches, or has had its turn to look, and nobody is still busy with starting.
    void settle() {
        if (tool_.ours) {
            for (Member* standby : group_.standbys()) {
                const bool watches =
                    eventually([&] { return standby->ours->log().find("holds the lease") != std::string::npos; },
                               std::chrono::minutes(2));
                demand(watches, standby->name + " does not watch");
            }
        }
        std::this_thread::sleep_for(std::chrono::seconds(3));
    }

    HandOver hand_over() {
        Member& leader = group_.leader();
        const std::string stopped = users_.user(leader.name);
        const std::size_t before = group_.runs().size();
        const std::size_t mark = api_.audit().read().size();
        const std::vector<pid_t> others = processes_but(leader);
        const std::chrono::nanoseconds cpu_before = cpu_of(others);
        leader.process().signal(SIGTERM);
        demand(group_.has_runs(before + 1, std::chrono::minutes(1)), "no successor");
        std::this_thread::sleep_for(kAftermath);
        const auto cpu = Milliseconds(cpu_of(others) - cpu_before);
        HandOver result = count(api_.audit().since(mark), stopped);
        const auto runs = group_.runs();
        result.nobody_ran_ms = Milliseconds(runs[before].first - runs[before - 1].last).count();
        result.cpu_ms = cpu.count() / static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
        if (overlap_.empty()) overlap_ = harness::find_overlap(runs);
        group_.stop(leader);
        return result;
    }

    // As many as before.
    void replace() {
        start();
        settle();
    }

    const std::string& overlap() const { return overlap_; }

private:
    void start() {
        const std::string name = fmt::format("c{}", started_++);
        const std::string kubeconfig = users_.kubeconfig(name);
        if (tool_.ours) {
            // At ordinary priority: each has a machine of its own elsewhere, where its agent, which comes before what
            // computes there, does not keep ninety-nine others, and the workload that is to start, waiting.
            group_.start_leasehold(name, {.timing = {"15s", "10s", "2s"},
                                          .extra = "protection: {scheduling: normal}\n",
                                          .store = "kubernetes: {kubeconfig: " + kubeconfig + "}"});
        } else {
            servers::ClientGoOptions wanted;  // it reads the Lease every two seconds
            wanted.kubeconfig = kubeconfig;
            wanted.namespace_name = users_.name_space();
            wanted.name = "test";
            wanted.lease_duration = "15s";
            wanted.renew_deadline = "10s";
            wanted.retry_period = "2s";
            group_.start_client_go(name, wanted);
        }
    }

    static HandOver count(const std::vector<AuditedRequest>& requests, const std::string& stopped) {
        HandOver result;
        std::map<std::string, int> writes;
        for (const AuditedRequest& request : requests) {
            if (request.resource != "leases") continue;
            ++result.requests;
            if (request.status == 409) ++result.conflicts;
            if (is_write(request) && request.user != stopped) {
                result.most_writes = std::max(result.most_writes, static_cast<double>(++writes[request.user]));
            }
        }
        return result;
    }

    std::vector<pid_t> processes_but(const Member& leader) {
        std::vector<pid_t> all{api_.pid(), api_.etcd_pid()};
        for (auto& member : group_.members()) {
            if (member.get() == &leader) continue;
            for (const pid_t process : member->own_processes()) all.push_back(process);
        }
        return all;
    }

    KubeApi& api_;
    const Tool tool_;
    KubeUsers users_;
    Group group_;
    int started_ = 0;
    std::string overlap_;
};

void measure(Report& report, KubeApi& api, const Tool& tool, int size, int repetitions) {
    Crowd crowd(api, tool, size);
    std::vector<HandOver> all;
    for (int i = 0; i < repetitions; ++i) {
        i == 0 ? crowd.settle() : crowd.replace();
        all.push_back(crowd.hand_over());
    }
    const auto each = [&](double HandOver::*what) {
        std::vector<double> samples;
        for (const HandOver& one : all) samples.push_back(one.*what);
        return samples;
    };
    const auto add = [&](const char* quantity, const char* unit, double HandOver::*what,
                         std::optional<double> at_most) {
        report.add({.section = kSection,
                    .setting = fmt::format("Kubernetes Lease, {} candidates", size),
                    .subject = tool.name,
                    .quantity = quantity,
                    .unit = unit,
                    .samples = each(what),
                    .at_most = tool.ours ? at_most : std::nullopt,
                    .overlaps = crowd.overlap().empty() ? 0 : 1,
                    .remark = tool.ours ? "protection.scheduling: normal" : ""});
    };
    add("nobody ran after SIGTERM", "ms", &HandOver::nobody_ran_ms, kGoalMs);
    add("CPU of all that stay, and of the server, until a second after it, per processor", "ms", &HandOver::cpu_ms,
        std::nullopt);
    add("requests for the hand-over", "", &HandOver::requests, std::nullopt);
    add("conflicts (409)", "", &HandOver::conflicts, std::nullopt);
    add("most writes by one candidate", "", &HandOver::most_writes, kGoalWrites);
}

}  // namespace

void measure_crowd(Report& report, const Options& options) {
    measure_simulated_crowd(report);
    if (!KubeApi::available()) {
        report.skip(kSection, KubeApi::unavailable_message());
        return;
    }
    const std::unique_ptr<KubeApi> api = start_api_ahead_of_others();
    const int few = std::max(options.repetitions / 4, 1);
    for (const Tool tool : {Tool{"leasehold", true}, Tool{"client-go 15/10/2", false}}) {
        // One alone has nobody to hand over to.
        for (const int size : {2, 10, 100}) measure(report, *api, tool, size, few);
    }
}

}  // namespace leasehold::bench
