// SPDX-License-Identifier: Apache-2.0
//
// How long nobody runs when the leader is stopped in order, with three candidates of each tool on the same servers:
// from the last stamp of the old workload to the first one of the new. The workload stamps every half millisecond and
// ends at once when it is told to, so that all of it is the tools' time and up to half a millisecond of stamping.
//
// Each leader that was stopped is replaced by a new candidate, and the next one is stopped when all have settled, at a
// random moment. Whether two workloads ran at once is judged at the end, from all stamps.
//
// A machine that shares its host is faster at one minute than at the next. So the repetitions are made in rounds, and
// in each round everybody's turn comes, the store's own times among them.
#include <algorithm>
#include <regex>
#include <stdexcept>

#include <fmt/core.h>

#include "bench/contest.h"
#include "bench/one_file.h"
#include "bench/register_client.h"
#include "bench/sections.h"

namespace leasehold::bench {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr const char* kSection = "hand-over";
constexpr const char* kQuantity = "nobody ran after SIGTERM";
constexpr const char* kConsulLock = "consul lock";
constexpr const char* kClientGo = "client-go 5/3.5/0.7";
constexpr std::chrono::seconds kPatience{35};

constexpr int kInARound = 5;

struct Subject {
    std::string name;
    MakeTool make;
    int repetitions = 0;
    std::string remark = {};
};

// One subject's turn: adds to its reading. Candidates of its own, which nobody else's turn finds running.
void hand_over(StoreServers& servers, const Subject& subject, int repetitions, Reading& reading) {
    Contest contest(servers, subject.make(), {.candidates = 3});
    for (int i = 0; i < repetitions; ++i) {
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
    reading.overlaps = reading.overlaps.value_or(0) + contest.overlaps();
}

std::vector<Subject> ours(StoreServers& servers, int repetitions) {
    std::vector<Subject> subjects = {{"leasehold", leasehold_on(servers), repetitions}};
    if (const std::string program = one_file_program(); !program.empty()) {
        subjects.push_back({kOneFile, leasehold_on(servers, program), repetitions});
    }
    return subjects;
}

std::vector<Subject> others(StoreServers& servers, int repetitions) {
    if (servers.name() == "kubernetes") {
        const ClientGoTiming quick{"5s", "3500ms", "700ms", std::chrono::milliseconds(1200)};
        const ClientGoTiming usual{"15s", "10s", "2s", std::chrono::milliseconds(3400)};
        const std::string remark = "releases on cancel";
        return {{kClientGo, client_go_on(servers, quick), repetitions, remark},
                {"client-go 15/10/2", client_go_on(servers, usual), std::min(repetitions, 6), remark}};
    }
    if (servers.name() == "consul") return {{kConsulLock, consul_lock_on(servers), repetitions}};
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

// What one store is measured with.
class Rounds {
public:
    Rounds(StoreServers& servers, const Options& options)
        : servers_(servers), lock_(servers.new_lock()), repetitions_(options.repetitions) {
        subjects_ = ours(servers, repetitions_);
        for (Subject& other : others(servers, repetitions_)) subjects_.push_back(std::move(other));
        const std::regex wanted(options.subjects);
        std::erase_if(subjects_, [&](const Subject& one) { return !std::regex_search(one.name, wanted); });
        for (const Subject& subject : subjects_) {
            readings_.push_back({.section = kSection,
                                 .setting = servers.title(),
                                 .subject = subject.name,
                                 .quantity = kQuantity,
                                 .unit = "ms",
                                 .samples = {},
                                 .remark = subject.remark});
        }
    }

    void run() {
        for (int done = 0; done < repetitions_; done += kInARound) {
            const StoreTimes times =
                measure_store(servers_.option(lock_, servers_.ports()), lock_.election, 2 * kInARound);
            times_.write.insert(times_.write.end(), times.write.begin(), times.write.end());
            times_.delivery.insert(times_.delivery.end(), times.delivery.begin(), times.delivery.end());
            for (std::size_t i = 0; i < subjects_.size(); ++i) {
                const int left = std::min(subjects_[i].repetitions - done, kInARound);
                if (left > 0) hand_over(servers_, subjects_[i], left, readings_[i]);
            }
        }
    }

    const StoreTimes& times() const { return times_; }
    std::vector<Reading>& readings() { return readings_; }

private:
    StoreServers& servers_;
    const StoreServers::Lock lock_;
    const int repetitions_;
    std::vector<Subject> subjects_;
    std::vector<Reading> readings_;  // one for each subject
    StoreTimes times_;
};

class HandOver {
public:
    HandOver(Report& report, const Options& options) : report_(report), options_(options) {
        const auto times = measure_exec(2 * options_.repetitions);
        exec_ms_ = median(times);
        if (one_file_program().empty()) report_.skip(kSection, one_file_unavailable());
        add_part("everywhere", "the kernel", "new process, exec, first stamp of the workload", times);
    }

    void measure(const std::string& store) {
        StoreServers servers(store);
        Rounds rounds(servers, options_);
        rounds.run();
        for (const Reading& reading : rounds.readings()) {
            if (reading.subject == kConsulLock) consul_lock_ = median(reading.samples);
            if (reading.subject == kClientGo) client_go_ = median(reading.samples);
        }
        for (Reading& reading : rounds.readings()) {
            if (reading.is_ours()) {
                reading.limit = limit_of(rounds.times(), exec_ms_);
                set_goal(reading);
            }
            report_.add(std::move(reading));
        }
        add_part(servers.title(), "the store", "compare-and-swap, to its answer", rounds.times().write);
        add_part(servers.title(), "the store", "compare-and-swap, to its delivery to a watcher",
                 rounds.times().delivery);
    }

private:
    void set_goal(Reading& reading) const {
        if (reading.setting == "Kubernetes Lease") {
            reading.at_most = client_go_ ? std::min(10.0, *client_go_ / 50) : 10.0;
            reading.remark = "goal: 10 ms, and a fiftieth of client-go 5/3.5/0.7";
        } else if (consul_lock_) {
            reading.at_most = *consul_lock_;
            reading.remark = "goal: consul lock";
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
    std::optional<double> client_go_;    // fifty times the goal for that
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
