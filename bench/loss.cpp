// SPDX-License-Identifier: Apache-2.0
//
// What is lost when something dies or the network is cut, with two candidates: how long until the successor's workload
// runs, and whether two ran at once.
//
//   supervisor killed   SIGKILL to the one process that watches over the workload, and to nothing else
//   candidate killed    SIGKILL to all processes of the candidate, one right after the other
//   network cut         whatever the leader and the servers send to each other is swallowed, for good (a relay stands
//                       between each candidate and the servers)
//
// Times are counted from the moment before the fault, and where a record tells when its lease passes, also from then:
// the instant at which the last renewal that reached the store was sent, as the record says, and the lease's duration.
// No one may start before it, whatever the store: what comes after it is the tool's own slowness.
//
// leasehold's leaders are struck one after the other. The others take up to a minute to recover: all their trials go on
// at the same time, each with candidates and a lock of its own. A second after the successor has begun all stamps are
// looked at for overlaps; then what still runs is killed.
#include <algorithm>
#include <map>
#include <random>
#include <regex>
#include <stdexcept>
#include <thread>

#include <fmt/core.h>

#include "bench/contest.h"
#include "bench/register_client.h"
#include "bench/sections.h"

namespace leasehold::bench {
namespace {

using harness::Stint;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr const char* kSection = "loss";
constexpr int kOtherRepetitions = 3;
// Longer than what was sent before the fault takes to be applied, shorter than any lease here.
constexpr std::chrono::milliseconds kUntilApplied{300};
constexpr std::chrono::seconds kOthersRest{2};
constexpr std::chrono::milliseconds kMostBetween{400};
constexpr std::chrono::seconds kAftermath{1};

enum class Fault { supervisor, candidate, cut };

std::string title(Fault fault) {
    return fault == Fault::supervisor  ? "supervisor killed"
           : fault == Fault::candidate ? "candidate killed"
                                       : "network cut";
}

void strike(Fault fault, Contest::Member& leader) {
    switch (fault) {
        case Fault::supervisor: return leader.contender->kill_supervisor();
        case Fault::candidate: return leader.contender->kill_whole();
        case Fault::cut: return leader.network->set(servers::Relay::Mode::black_hole);
    }
}

// What came of one fault, or of several.
struct Losses {
    std::vector<double> after_fault;  // ms until the successor ran
    std::vector<double> after_lease;  // the same, where a record tells when the lease passed
    int overlaps = 0;
    int without_successor = 0;

    void add(const Contest::Strike& strike, const std::optional<Stint>& next, std::chrono::milliseconds bound,
             std::optional<std::chrono::nanoseconds> lease) {
        without_successor += next ? 0 : 1;
        after_fault.push_back(next ? Milliseconds(next->first - strike.at).count() : Milliseconds(bound).count());
        if (next && lease) after_lease.push_back(Milliseconds(next->first - *lease).count());
    }
};

// Of a lock with a record; nothing for others.
class LeaseReader {
public:
    explicit LeaseReader(Contest& contest) {
        const Tool::Place place = contest.tool().record();
        if (!place.election.empty()) client_ = std::make_unique<RegisterClient>(place.store, place.election);
    }
    // REQUIRES: nobody renews any more, or takes the lease.
    std::optional<std::chrono::nanoseconds> passes() {
        if (!client_) return std::nullopt;
        const election::Snapshot snapshot = client_->read();
        if (snapshot.presence != election::Presence::present) throw std::runtime_error("there is no record to read");
        return lease_passes(snapshot.record);
    }

private:
    std::unique_ptr<RegisterClient> client_;
};

Losses our_losses(StoreServers& servers, Fault fault, int repetitions) {
    constexpr std::chrono::seconds kBound{35};
    Losses losses;
    Contest contest(servers, leasehold_on(servers)(), {.candidates = 2, .relays = fault == Fault::cut});
    contest.settle();
    LeaseReader lease(contest);
    for (int i = 0; i < repetitions; ++i) {
        contest.settle();
        const auto struck = contest.strike([fault](Contest::Member& leader) { strike(fault, leader); });
        std::optional<std::chrono::nanoseconds> passes;
        if (fault != Fault::supervisor) {
            std::this_thread::sleep_for(kUntilApplied);
            passes = lease.passes();
        }
        const auto next = contest.await_successor(struck, kBound);
        losses.add(struck, next, kBound, passes);
        if (!next) break;
        if (fault == Fault::cut) {
            contest.repair(struck);
        } else {
            contest.replace(struck);  // one whose supervisors die often takes pauses
        }
    }
    contest.settle();
    losses.overlaps = contest.overlaps();
    return losses;
}

struct Subject {
    std::string name;
    MakeTool make;
    std::vector<Fault> faults;
    std::string remark;
};

// One of the others, struck once.
struct Trial {
    Fault fault;
    Losses* losses;  // of its subject and fault
    std::unique_ptr<Contest> contest;
    std::unique_ptr<LeaseReader> lease;
    Contest::Strike strike;
    std::optional<std::chrono::nanoseconds> passes;
};

std::vector<Trial> begin_trials(StoreServers& servers, const std::vector<Subject>& subjects,
                                std::map<std::pair<std::string, Fault>, Losses>& losses) {
    std::vector<Trial> trials;
    for (const Subject& subject : subjects) {
        for (const Fault fault : subject.faults) {
            for (int i = 0; i < kOtherRepetitions; ++i) {
                const Contest::Options options{.candidates = 2, .relays = fault == Fault::cut};
                trials.push_back({.fault = fault,
                                  .losses = &losses[{subject.name, fault}],
                                  .contest = std::make_unique<Contest>(servers, subject.make(), options),
                                  .lease = {},
                                  .strike = {},
                                  .passes = {}});
            }
        }
    }
    const auto settled = [](const Trial& trial) { return trial.contest->settled(); };
    if (!harness::eventually([&] { return std::all_of(trials.begin(), trials.end(), settled); },
                             std::chrono::seconds(60))) {
        throw std::runtime_error("the others' candidates do not settle");
    }
    for (Trial& trial : trials) trial.lease = std::make_unique<LeaseReader>(*trial.contest);
    std::this_thread::sleep_for(kOthersRest);
    return trials;
}

// One right after the other, at moments that have nothing to do with their renewals. Ends all that still runs.
void strike_and_watch(std::vector<Trial>& trials, std::chrono::seconds bound) {
    std::mt19937 random{std::random_device{}()};
    std::uniform_int_distribution<std::int64_t> rest_ms(0, kMostBetween.count());
    for (Trial& trial : trials) {
        std::this_thread::sleep_for(std::chrono::milliseconds(rest_ms(random)));
        const Fault fault = trial.fault;
        trial.strike = trial.contest->strike([fault](Contest::Member& leader) { strike(fault, leader); });
        std::this_thread::sleep_for(kUntilApplied);
        trial.passes = trial.lease->passes();
        trial.lease.reset();
    }
    const auto succeeded = [](const Trial& trial) { return trial.contest->successor(trial.strike).has_value(); };
    harness::eventually([&] { return std::all_of(trials.begin(), trials.end(), succeeded); }, bound);
    std::this_thread::sleep_for(kAftermath);
    for (Trial& trial : trials) {
        Losses& losses = *trial.losses;
        losses.add(trial.strike, trial.contest->successor(trial.strike), bound, trial.passes);
        losses.overlaps += trial.contest->overlaps() > 0 ? 1 : 0;
    }
    trials.clear();
}

// What is compared on this store, and for how long a successor is waited for.
struct Field {
    std::vector<Subject> subjects;
    std::chrono::seconds bound{35};
};

Field others(StoreServers& servers) {
    const std::vector<Fault> all{Fault::supervisor, Fault::candidate, Fault::cut};
    if (servers.name() == "kubernetes") {
        const ClientGoTiming quick{"5s", "3500ms", "700ms", {}};
        return {.subjects = {{"client-go 5/3.5/0.7", client_go_on(servers, quick), all,
                              "its wrapper's one process dies with it, which is kinder than most"},
                             {"client-go 5/3.5/0.7, plain wrapper",
                              client_go_on(servers, quick, true),
                              {Fault::supervisor, Fault::cut},
                              "the workload outlives a wrapper that is killed"}}};
    }
    if (servers.name() == "consul") {
        return {.subjects = {{"consul lock", consul_lock_on(servers), all, "session TTL 15 s, lock delay 15 s"}},
                .bound = std::chrono::seconds(75)};
    }
    if (servers.name() == "etcd" && etcdctl_unavailable().empty()) {
        return {.subjects = {{"etcdctl lock", etcdctl_lock_on(servers, true), all, "TTL 10 s"}}};
    }
    return {};
}

class Loss {
public:
    Loss(Report& report, const Options& options) : report_(report), options_(options) {
        exec_ms_ = median(measure_exec(options_.repetitions));
    }

    void measure(const std::string& store) {
        StoreServers servers(store);
        const auto lock = servers.new_lock();
        const StoreTimes times =
            measure_store(servers.option(lock, servers.ports()), lock.election, options_.repetitions);
        write_ms_ = median(times.write);
        delivery_ms_ = median(times.delivery);
        for (const Fault fault : {Fault::supervisor, Fault::candidate, Fault::cut}) {
            if (fault == Fault::cut && servers.ports().empty()) continue;  // a file has no network
            const int repetitions = fault == Fault::supervisor ? options_.repetitions : options_.repetitions / 4 + 1;
            add_ours(servers.title(), fault, our_losses(servers, fault, repetitions));
        }
        measure_others(servers);
    }

private:
    void add_ours(const std::string& setting, Fault fault, const Losses& losses) {
        const Subject subject{.name = "leasehold", .make = {}, .faults = {}, .remark = "lease 2 s"};
        std::vector<Reading> readings = readings_of(setting, subject, fault, losses, std::chrono::seconds(35));
        if (fault == Fault::supervisor) {
            readings[0].at_most = 150;
            readings[0].remark.clear();
            readings[0].limit = Limit{
                fmt::format("delivery of a write {:.2f}, write {:.2f}, exec {:.2f}", delivery_ms_, write_ms_, exec_ms_),
                delivery_ms_ + write_ms_ + exec_ms_};
        } else if (readings.size() > 1) {
            if (fault == Fault::candidate) readings[1].at_most = 50;
            readings[1].limit =
                Limit{fmt::format("write {:.2f}, exec {:.2f}", write_ms_, exec_ms_), write_ms_ + exec_ms_};
        }
        for (Reading& reading : readings) report_.add(std::move(reading));
    }

    void measure_others(StoreServers& servers) {
        const Field field = others(servers);
        std::map<std::pair<std::string, Fault>, Losses> losses;
        std::vector<Trial> trials = begin_trials(servers, field.subjects, losses);
        strike_and_watch(trials, field.bound);
        for (const Subject& subject : field.subjects) {
            for (const Fault fault : subject.faults) {
                for (Reading& reading :
                     readings_of(servers.title(), subject, fault, losses[{subject.name, fault}], field.bound)) {
                    report_.add(std::move(reading));
                }
            }
        }
    }

    static std::vector<Reading> readings_of(const std::string& setting, const Subject& subject, Fault fault,
                                            const Losses& losses, std::chrono::seconds bound) {
        Reading first{.section = kSection,
                      .setting = setting,
                      .subject = subject.name,
                      .quantity = title(fault) + ": until the successor ran",
                      .unit = "ms",
                      .samples = losses.after_fault,
                      .overlaps = losses.overlaps,
                      .remark = subject.remark};
        if (losses.without_successor > 0) {
            first.remark = fmt::format("{} of {} without a successor within {} s; {}", losses.without_successor,
                                       losses.after_fault.size(), bound.count(), subject.remark);
        }
        std::vector<Reading> readings{first};
        if (losses.after_lease.empty()) return readings;
        readings.push_back({.section = kSection,
                            .setting = setting,
                            .subject = subject.name,
                            .quantity = title(fault) + ": the same, after the lease had passed",
                            .unit = "ms",
                            .samples = losses.after_lease});
        return readings;
    }

    Report& report_;
    const Options& options_;
    double exec_ms_ = 0;
    double write_ms_ = 0;  // of the store that is being measured, and so is the next
    double delivery_ms_ = 0;
};

}  // namespace

void measure_loss(Report& report, const Options& options) {
    Loss section(report, options);
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
