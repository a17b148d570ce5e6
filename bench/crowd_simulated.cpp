// SPDX-License-Identifier: Apache-2.0
#include "bench/crowd_simulated.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "bench/member.h"
#include "tests/sim/candidate.h"
#include "tests/sim/checkers.h"
#include "tests/sim/context.h"
#include "tests/sim/fake_register.h"

namespace leasehold::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kCandidates = 1000;
constexpr std::uint64_t kSeeds = 5;
constexpr microseconds kLeastLatency{200};  // one way
constexpr microseconds kMostLatency{600};
constexpr double kGoalMs = 50;
constexpr double kGoalWrites = 1;

// What a world looks like in which nothing goes wrong.
void calm_down(sim::Profile& profile, const std::vector<std::string>& identities) {
    const election::Timing timing;  // 15/10/2
    for (std::size_t i = 0; i < profile.candidates.size(); ++i) {
        sim::CandidateProfile& candidate = profile.candidates[i];
        candidate.identity = identities[i];
        candidate.timing = timing;
        candidate.restart = {};
        candidate.hooks = {};
        candidate.stop_command = false;
    }
    profile.longest_lease = profile.shortest_lease = timing.lease_duration;
    profile.kill_allowance = timing.kill_allowance;
    profile.latency_low = kLeastLatency;
    profile.latency_high = kMostLatency;
    profile.ignores_stop = profile.ends_by_itself = profile.hooks_fail = 0;
}

class SimulatedCrowd {
public:
    explicit SimulatedCrowd(std::uint64_t seed)
        : identities_(names()),
          context_(seed, {.candidates = kCandidates}),
          checkers_(context_),
          store_(context_, [this](const sim::FakeRegister::Applied& applied) {
              checkers_.applied(applied, candidates_[static_cast<std::size_t>(applied.client)]->tree().alive());
          }) {
        calm_down(context_.profile, identities_);
        election::Record record;
        record.holder = "init";
        record.lease_duration = context_.profile.longest_lease;
        record.released = true;
        store_.put(election::Presence::present, record, {});
        for (int i = 0; i < kCandidates; ++i) {
            sim::Candidate::Settings settings;
            settings.index = i;
            settings.clocks_at_start = {seconds(1000), seconds(1000)};
            settings.on_down = [] {};
            candidates_.push_back(std::make_unique<sim::Candidate>(context_, store_, checkers_, std::move(settings)));
            context_.time.after(context_.random.between(Duration{}, seconds(10)),
                                [this, i] { candidates_[static_cast<std::size_t>(i)]->boot(); });
        }
        context_.time.run_until(seconds(30));
        demand(checkers_.running() == 1, "nobody leads in the simulation");
    }

    struct HandOver {
        double nobody_ran_ms = 0;
        double requests = 0;
        double conflicts = 0;
        double most_writes = 0;
    };

    // Until a second after the successor's start: the next renewal comes later.
    HandOver hand_over() {
        const int leader = *checkers_.leader();
        const std::uint64_t trees = checkers_.trees_started();
        checkers_.set_calm(true);
        const auto before = counts();
        candidates_[static_cast<std::size_t>(leader)]->ask_to_stop();
        for (int i = 0; i < 60'000 && checkers_.trees_started() == trees; ++i) {
            context_.time.run_until(context_.time.now() + milliseconds(1));
        }
        demand(checkers_.trees_started() > trees, "nobody takes over in the simulation");
        context_.time.run_until(context_.time.now() + seconds(1));
        return compare(before, leader);
    }

private:
    static std::vector<std::string> names() {
        std::vector<std::string> names;
        for (int i = 0; i < kCandidates; ++i) names.push_back(fmt::format("c{}", i));
        return names;
    }

    std::vector<sim::FakeRegister::Received> counts() const {
        std::vector<sim::FakeRegister::Received> counts;
        for (int i = 0; i < kCandidates; ++i) counts.push_back(store_.received(i));
        return counts;
    }

    HandOver compare(const std::vector<sim::FakeRegister::Received>& before, int stopped) const {
        HandOver result;
        for (int i = 0; i < kCandidates; ++i) {
            const auto& then = before[static_cast<std::size_t>(i)];
            const auto& now = store_.received(i);
            const auto writes = static_cast<double>(now.writes - then.writes);
            result.requests += writes + static_cast<double>(now.reads - then.reads);
            result.conflicts += static_cast<double>(now.conflicts - then.conflicts);
            if (i != stopped) result.most_writes = std::max(result.most_writes, writes);
        }
        const Duration gap = checkers_.counts().handovers.back();
        result.nobody_ran_ms = std::chrono::duration<double, std::milli>(gap).count();
        return result;
    }

    const std::vector<std::string> identities_;
    sim::Context context_;
    sim::Checkers checkers_;
    sim::FakeRegister store_;
    std::vector<std::unique_ptr<sim::Candidate>> candidates_;
};

}  // namespace

void measure_simulated_crowd(Report& report) {
    std::vector<double> nobody_ran;
    std::vector<double> requests;
    std::vector<double> conflicts;
    std::vector<double> most_writes;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const auto one = std::make_unique<SimulatedCrowd>(seed)->hand_over();
        nobody_ran.push_back(one.nobody_ran_ms);
        requests.push_back(one.requests);
        conflicts.push_back(one.conflicts);
        most_writes.push_back(one.most_writes);
    }
    const auto add = [&](const char* quantity, const char* unit, std::vector<double> samples,
                         std::optional<double> at_most) {
        report.add({.section = "crowd",
                    .setting = fmt::format("simulated, {} candidates", kCandidates),
                    .subject = "leasehold",
                    .quantity = quantity,
                    .unit = unit,
                    .samples = std::move(samples),
                    .at_most = at_most,
                    .remark = fmt::format("simulated time: {}–{} ms one way to the store, which serves any number at "
                                          "once; from the release to the successor's start",
                                          std::chrono::duration<double, std::milli>(kLeastLatency).count(),
                                          std::chrono::duration<double, std::milli>(kMostLatency).count())});
    };
    add("nobody ran after the release", "ms", nobody_ran, kGoalMs);
    add("requests for the hand-over", "", requests, std::nullopt);
    add("conflicts", "", conflicts, std::nullopt);
    add("most writes by one candidate", "", most_writes, kGoalWrites);
}

}  // namespace leasehold::bench
