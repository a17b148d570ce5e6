// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <algorithm>
#include <memory>

#include "tests/sim/candidate.h"
#include "tests/sim/context.h"
#include "tests/sim/fake_register.h"
#include "tests/sim/faults.h"

namespace leasehold::sim {

using election::Presence;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

class World {
public:
    World(std::uint64_t seed, const Wishes& wishes, bool with_trace);
    Outcome run();

private:
    void live();
    void make_candidates();
    void was_down(Candidate& candidate);
    void boot(Candidate& candidate);

    void heal();
    void expect_a_leader_within(Duration bound, const char* complaint);
    void expect_one_leader();
    void expect_nothing_happens();
    void expect_handover();
    void expect_stopped_supervisor_is_replaced();
    void expect_stuck_agent_is_replaced();
    void farewell();
    bool wait_until(Duration at_most, const std::function<bool()>& condition);
    Duration longest_grace() const;
    bool one_leader() const { return checkers_.running() == 1; }

    std::uint64_t seed_;
    Context context_;
    Checkers checkers_;
    FakeRegister store_;
    std::vector<std::unique_ptr<Candidate>> candidates_;
    Faults faults_;
    bool storm_ = false;
    bool ending_ = false;
};

World::World(std::uint64_t seed, const Wishes& wishes, bool with_trace)
    : seed_(seed),
      context_(seed, wishes),
      checkers_(context_),
      store_(context_,
             [this](const FakeRegister::Applied& applied) {
                 checkers_.applied(applied, candidates_[static_cast<std::size_t>(applied.client)]->tree().alive());
             }),
      faults_(context_, store_, checkers_, candidates_) {
    if (with_trace) context_.trace.keep_lines();
    make_candidates();
    if (!context_.profile.made_beforehand) return;
    election::Record record;
    record.holder = "init";
    record.lease_duration = context_.profile.longest_lease;
    record.released = true;
    store_.put(Presence::present, record, {});
}

void World::make_candidates() {
    for (std::size_t i = 0; i < context_.profile.candidates.size(); ++i) {
        Candidate::Settings settings;
        settings.index = static_cast<int>(i);
        settings.clocks_at_start = {context_.random.between(seconds(1), std::chrono::hours(9999)),
                                    context_.random.between(seconds(1), std::chrono::hours(9999))};
        settings.on_down = [this, i] { was_down(*candidates_[i]); };
        candidates_.push_back(std::make_unique<Candidate>(context_, store_, checkers_, std::move(settings)));
        faults_.set_clocks(*candidates_.back(), false);
        context_.time.after(context_.random.between(Duration{}, context_.profile.longest_lease),
                            [this, i] { boot(*candidates_[i]); });
    }
}

void World::was_down(Candidate& candidate) {
    if (ending_) return;
    const Duration pause = storm_ && context_.random.chance(0.5)
                               ? context_.random.scaled(context_.profile.longest_lease, 0.0, 3.0)
                               : context_.random.between(milliseconds(5), milliseconds(200));
    context_.time.after(pause, [this, &candidate] { boot(candidate); });
}

void World::boot(Candidate& candidate) {
    if (candidate.up() || ending_) return;
    const TrueTime allowed = faults_.memory_needed_until();
    if (context_.time.now() < allowed) {
        context_.time.at(allowed, [this, &candidate] { boot(candidate); });
    } else {
        candidate.boot();
    }
}

Outcome World::run() {
    Outcome outcome;
    try {
        live();
    } catch (const Violation& violation) {
        outcome.violation = violation.what();
        context_.trace.note(Trace::kWorld, "VIOLATION:", *outcome.violation);
    }
    outcome.seed = seed_;
    outcome.hash = context_.trace.hash();
    outcome.events = context_.time.done();
    outcome.virtual_time = context_.time.now();
    outcome.faults = context_.faults;
    outcome.counts = checkers_.counts();
    outcome.trace = context_.trace.lines();
    return outcome;
}

void World::live() {
    constexpr int kStorms = 3;
    const Profile stormy = context_.profile;
    for (int i = 0; i < kStorms; ++i) {
        storm_ = true;
        context_.profile.ends_by_itself = stormy.ends_by_itself;
        context_.profile.hooks_fail = stormy.hooks_fail;
        context_.profile.latency_high = stormy.latency_high;
        const TrueTime end = context_.time.now() + context_.random.scaled(context_.profile.longest_lease, 20.0, 80.0);
        faults_.storm_until(end);
        context_.time.run_until(end);
        storm_ = false;
        context_.profile.ends_by_itself = context_.profile.hooks_fail = 0;
        context_.profile.latency_high = stormy.latency_low * 3;
        heal();
        expect_one_leader();
        expect_nothing_happens();
        if (candidates_.size() > 1) expect_handover();
        expect_stopped_supervisor_is_replaced();
        if (i == 0) expect_stuck_agent_is_replaced();
    }
    farewell();
}

void World::heal() {
    context_.trace.note(Trace::kWorld, "all faults end");
    faults_.heal();
    for (auto& candidate : candidates_) {
        if (candidate->guarded()) continue;
        if (candidate->up()) candidate->crash();  // what a dead guardian left
        boot(*candidate);
    }
}

bool World::wait_until(Duration at_most, const std::function<bool()>& condition) {
    const TrueTime end = context_.time.now() + at_most;
    while (!condition() && context_.time.now() < end) context_.time.run_until(context_.time.now() + milliseconds(10));
    return condition();
}

Duration World::longest_grace() const {
    Duration longest{};
    for (const auto& candidate : context_.profile.candidates) longest = std::max(longest, candidate.longest_stop());
    return longest;
}

// An unreadable record whose holder is gone stays held until somebody does something about it.
void World::expect_a_leader_within(Duration bound, const char* complaint) {
    if (wait_until(bound, [this] { return one_leader(); })) return;
    if (store_.current().presence != Presence::unreadable) throw Violation(complaint);
    context_.trace.note(Trace::kWorld, "the unreadable record is deleted");
    store_.remove();
    checkers_.operator_interfered();
    if (!wait_until(bound, [this] { return one_leader(); })) throw Violation("no leader after the repair");
}

void World::expect_one_leader() {
    const Duration longest = std::max(context_.profile.longest_lease, faults_.longest_written());
    const Duration bound = longest * 2 + context_.profile.longest_lease * 4 + longest_grace() * 2 + seconds(2);
    context_.time.run_until(faults_.memory_needed_until());
    expect_a_leader_within(bound, "no leader though all is well");
    // Workloads that were to end by themselves have done so after this, and a leader whose agent was gone has no term.
    context_.time.run_until(context_.time.now() + context_.profile.longest_lease * 3 + longest_grace() * 11 / 10);
    expect_a_leader_within(bound, "no leader any more though all is well");
}

void World::expect_nothing_happens() {
    const std::uint64_t trees = checkers_.trees_started();
    context_.time.run_until(context_.time.now() + context_.profile.longest_lease * 3);
    if (checkers_.trees_started() != trees || !one_leader()) throw Violation("leadership changed though all is well");
}

void World::expect_handover() {
    Candidate& leader = *candidates_[static_cast<std::size_t>(*checkers_.leader())];
    const Duration bound = leader.profile().longest_stop() + context_.profile.longest_lease * 2 + seconds(1);
    checkers_.set_calm(true);
    const std::uint64_t trees = checkers_.trees_started();
    const std::string incarnation = leader.incarnation();
    leader.ask_to_stop();
    if (!wait_until(bound, [&] { return !leader.up() || leader.incarnation() != incarnation; })) {
        throw Violation("a clean stop takes too long");
    }
    if (!wait_until(context_.profile.longest_lease,
                    [&] { return one_leader() && checkers_.trees_started() > trees; })) {
        throw Violation("nobody took over after a clean stop");
    }
    checkers_.set_calm(false);
}

// A supervisor is stopped that nobody asks to stop, while its agent renews. Half a renew deadline of silence, a little
// for late timers, the kill, and the release.
void World::expect_stopped_supervisor_is_replaced() {
    Candidate& leader = *candidates_[static_cast<std::size_t>(*checkers_.leader())];
    Process& supervisor = leader.supervisor().process();
    const Duration bound =
        leader.timing().renew_deadline * 7 / 10 + context_.profile.kill_allowance * 3 + milliseconds(200);
    context_.trace.note(Trace::kWorld, "the leader's supervisor is stopped for good");
    const std::uint64_t life = supervisor.life();
    supervisor.stop();
    if (!wait_until(bound, [&] { return supervisor.life() != life && supervisor.running(); })) {
        throw Violation("a stopped supervisor is not replaced though its agent renews");
    }
    if (!wait_until(context_.profile.longest_lease * 2 + seconds(1), [this] { return one_leader(); })) {
        throw Violation("nobody leads after a stopped supervisor was replaced");
    }
}

// Its term ends by the deadlines; after that it must not stay a candidate in name only.
void World::expect_stuck_agent_is_replaced() {
    Candidate& leader = *candidates_[static_cast<std::size_t>(*checkers_.leader())];
    Process& agent = leader.agent().process();
    const Duration bound = std::max<Duration>(leader.timing().lease_duration * 2, seconds(5)) * 6 / 5 +
                           context_.profile.longest_lease + seconds(1);
    context_.trace.note(Trace::kWorld, "the leader's agent is stopped for good");
    const std::uint64_t life = agent.life();
    agent.stop();
    if (!wait_until(bound, [&] { return agent.life() != life && agent.running(); })) {
        throw Violation("a stopped agent is not replaced");
    }
    if (!wait_until(context_.profile.longest_lease * 4 + longest_grace() + seconds(2),
                    [this] { return one_leader(); })) {
        throw Violation("nobody leads after a stopped agent was replaced");
    }
}

void World::farewell() {
    ending_ = true;
    for (auto& candidate : candidates_) {
        if (candidate->up()) candidate->ask_to_stop();
    }
    const auto all_down = [this] {
        return std::none_of(candidates_.begin(), candidates_.end(),
                            [](const auto& candidate) { return candidate->up(); });
    };
    if (!wait_until(longest_grace() + context_.profile.longest_lease * 3 + seconds(2), all_down)) {
        throw Violation("somebody does not finish after it was asked to stop");
    }
    const auto& last = store_.current();
    if (last.presence != Presence::present || !last.record.released) throw Violation("the lease was not released");
}

}  // namespace

Outcome run(std::uint64_t seed, const Wishes& wishes, bool with_trace) { return World(seed, wishes, with_trace).run(); }

}  // namespace leasehold::sim
