// SPDX-License-Identifier: Apache-2.0
//
// How long nobody runs when the leader is stopped in order, with three candidates of each tool on the same servers:
// from the last stamp of the old workload to the first one of the new. The workload stamps every half millisecond and
// ends at once when it is told to, so that all of it is the tools' time and up to half a millisecond of stamping.
//
// Each leader that was stopped is replaced by a new candidate, and the next one is stopped when all have settled, at a
// random moment. Whether two workloads ran at once is judged at the end, from all stamps.
#include <algorithm>
#include <regex>
#include <stdexcept>

#include <fmt/core.h>

#include "bench/contest.h"
#include "bench/register_client.h"
#include "bench/sections.h"

namespace leasehold::bench {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr const char* kSection = "hand-over";
constexpr const char* kQuantity = "nobody ran after SIGTERM";
constexpr std::chrono::seconds kPatience{35};

struct Subject {
    std::string name;
    MakeTool make;
    int repetitions = 0;
    std::string remark = {};
};

Reading hand_over(StoreServers& servers, const Subject& subject) {
    Reading reading{.section = kSection,
                    .setting = servers.title(),
                    .subject = subject.name,
                    .quantity = kQuantity,
                    .unit = "ms",
                    .samples = {},
                    .remark = subject.remark};
    Contest contest(servers, subject.make(), {.candidates = 3});
    for (int i = 0; i < subject.repetitions; ++i) {
        contest.settle();
        const auto strike = contest.strike([](Contest::Member& leader) { leader.contender->stop(); });
        const auto next = contest.await_successor(strike, kPatience);
        if (!next) {  // nor will there be one for the next leader
            reading.samples.push_back(Milliseconds(kPatience).count());
            reading.remark = fmt::format("no successor within {} s; {}", kPatience.count(), subject.remark);
            break;
        }
        reading.samples.push_back(Milliseconds(next->first - contest.end_of(strike)).count());
        contest.replace(strike);
    }
    reading.overlaps = contest.overlaps();
    return reading;
}

std::vector<Subject> others(StoreServers& servers, int repetitions) {
    if (servers.name() == "kubernetes") {
        const ClientGoTiming quick{"5s", "3500ms", "700ms", std::chrono::milliseconds(1200)};
        const ClientGoTiming usual{"15s", "10s", "2s", std::chrono::milliseconds(3400)};
        const std::string remark = "releases on cancel";
        return {{"client-go 5/3.5/0.7", client_go_on(servers, quick), repetitions, remark},
                {"client-go 15/10/2", client_go_on(servers, usual), std::min(repetitions, 6), remark}};
    }
    if (servers.name() == "consul") return {{"consul lock", consul_lock_on(servers), repetitions}};
    if (servers.name() == "etcd" && etcdctl_unavailable().empty()) {
        return {{"etcdctl lock, SIGTERM to its process group", etcdctl_lock_on(servers, true), repetitions,
                 "the workload has to be told by somebody else"},
                {"etcdctl lock", etcdctl_lock_on(servers, false), 1, "it does not hand SIGTERM on to its workload"}};
    }
    return {};
}

// Two writes, one delivery, one exec; what is delivered is the first write, which may be before it is answered.
Limit limit_of(const StoreTimes& store, double exec) {
    const double write = median(store.write);
    const double delivery = median(store.delivery);
    return {.what = fmt::format("delivery of a write {:.2f}, write {:.2f}, exec {:.2f}", delivery, write, exec),
            .value = delivery + write + exec};
}

class HandOver {
public:
    HandOver(Report& report, const Options& options) : report_(report), options_(options) {
        const auto times = measure_exec(2 * options_.repetitions);
        exec_ms_ = median(times);
        add_part("everywhere", "the kernel", "new process, exec, first stamp of the workload", times);
    }

    void measure(const std::string& store) {
        StoreServers servers(store);
        const auto lock = servers.new_lock();
        const StoreTimes times =
            measure_store(servers.option(lock, servers.ports()), lock.election, 2 * options_.repetitions);
        std::vector<Reading> readings;
        for (const Subject& subject : others(servers, options_.repetitions)) {
            readings.push_back(hand_over(servers, subject));
        }
        if (store == "consul") consul_lock_ = median(readings.at(0).samples);
        Reading ours = hand_over(servers, {"leasehold", leasehold_on(servers), options_.repetitions});
        ours.limit = limit_of(times, exec_ms_);
        set_goal(ours, readings);
        report_.add(std::move(ours));
        for (Reading& reading : readings) report_.add(std::move(reading));
        add_part(servers.title(), "the store", "compare-and-swap, to its answer", times.write);
        add_part(servers.title(), "the store", "compare-and-swap, to its delivery to a watcher", times.delivery);
    }

private:
    void set_goal(Reading& ours, const std::vector<Reading>& readings) const {
        if (ours.setting == "Kubernetes Lease") {
            ours.at_most = std::min(10.0, median(readings.at(0).samples) / 50);
            ours.remark = "goal: 10 ms, and a fiftieth of client-go 5/3.5/0.7";
        } else if (consul_lock_) {
            ours.at_most = *consul_lock_;
            ours.remark = "goal: consul lock";
        }
    }

    void add_part(const std::string& setting, const char* subject, const char* quantity, std::vector<double> samples) {
        report_.add({.section = kSection,
                     .setting = setting,
                     .subject = subject,
                     .quantity = quantity,
                     .unit = "ms",
                     .samples = std::move(samples)});
    }

    Report& report_;
    const Options& options_;
    double exec_ms_ = 0;
    std::optional<double> consul_lock_;  // the goal for every store but Kubernetes
};

}  // namespace

void measure_hand_over(Report& report, const Options& options) {
    HandOver section(report, options);
    for (const std::string& store : StoreServers::names()) {
        if (!std::regex_search(store, std::regex(options.stores))) continue;
        try {
            section.measure(store);
        } catch (const Unavailable& why) {
            report.skip(kSection, store + ": " + why.what());
        } catch (const std::exception& failure) {
            report.fail(kSection, store + ": " + failure.what());
        }
    }
    if (const std::string why = etcdctl_unavailable(); !why.empty()) report.skip(kSection, why);
}

}  // namespace leasehold::bench
