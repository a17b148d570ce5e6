// SPDX-License-Identifier: Apache-2.0
//
// The election machine: what a leader computes for a renewal, and a standby for each change that its watch shows.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/micro/record.h"
#include "election/core/election.h"

namespace leasehold::bench {
namespace {

using namespace election;

Instant after(Duration passed) { return {passed, passed}; }

template <class Command>
const Command& only(const Step& step) {
    for (const auto& command : step.commands) {
        if (const auto* found = std::get_if<Command>(&command)) return *found;
    }
    std::abort();  // the machine does not do what this measures
}

class Candidate {
public:
    Election machine{{.identity = "a", .incarnation = "incarnation-a", .timing = {}}, {}, Instant{}};

    const Step& give(const Event& event) {
        step_ = machine.step(now_, event);
        return step_;
    }
    void read(const Snapshot& snapshot) {
        const auto id = only<DoRead>(give(Tick{})).id;
        give(ReadDone{id, now_, {ReadStatus::ok, snapshot, {}, {}, {}}});
    }
    void written() {
        const auto id = only<DoWrite>(step_).id;
        give(WriteDone{id, now_, {WriteStatus::applied, {++version_, {}}, {}, {}, {}}});
    }
    void pass(Duration time) {
        passed_ += time;
        now_ = after(passed_);
    }
    bool leads() const { return machine.role() == Role::leader; }

private:
    Duration passed_ = std::chrono::seconds(1);
    Instant now_ = after(passed_);
    Step step_;
    std::uint64_t version_ = 0;
};

void election_renewal(benchmark::State& state) {
    Candidate leader;
    Snapshot nothing;
    nothing.never_written = true;
    leader.read(nothing);
    leader.written();
    if (!leader.leads()) return state.SkipWithError("it does not lead");
    for (auto _ : state) {
        leader.pass(std::chrono::seconds(2));
        leader.give(Tick{});
        leader.written();
    }
    if (!leader.leads()) state.SkipWithError("it lost the lease");
}
BENCHMARK(election_renewal);

void election_standby_sees_renewal(benchmark::State& state) {
    Candidate standby;
    Snapshot snapshot;
    snapshot.presence = Presence::present;
    snapshot.version = {1, "1"};
    snapshot.record = typical_record();
    standby.read(snapshot);
    for (auto _ : state) {
        standby.pass(std::chrono::seconds(2));
        ++snapshot.version.number;
        benchmark::DoNotOptimize(standby.give(WatchSeen{snapshot}));
    }
    if (standby.leads()) state.SkipWithError("it leads");
}
BENCHMARK(election_standby_sees_renewal);

}  // namespace
}  // namespace leasehold::bench
