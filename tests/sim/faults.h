// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong in a world, and when. Keeps to what is assumed of the world:
//
//   - of guardian and supervisor at most one is dead, stopped or hung at a time, unless the whole candidate is, or the
//     kernel backs the containment. Where it does not and all three are killed at once, the tree stays: that is outside
//     of the promise, but it must be gone before the same machine starts another;
//   - an operator does nothing that no candidate could possibly notice (fake_register.h), and hides a holder's lease
//     duration (by deleting, emptying, shortening, restoring) only while everyone else either has seen it and keeps its
//     memory, or has a duration of its own that is as long. A release mark set by hand is an order, not a fault.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tests/sim/candidate.h"
#include "tests/sim/checkers.h"
#include "tests/sim/context.h"
#include "tests/sim/fake_register.h"

namespace leasehold::sim {

class Faults {
public:
    using Candidates = std::vector<std::unique_ptr<Candidate>>;
    Faults(Context& context, FakeRegister& store, Checkers& checkers, Candidates& candidates)
        : context_(context), store_(store), checkers_(checkers), candidates_(candidates) {}

    // Faults from now until `end`; each also ends by itself after a while.
    void storm_until(TrueTime end);
    // Ends all faults that are under way. Processes that are dead are restarted by their guardians.
    void heal();

    // Until then nothing may lose its memory of what it has seen.
    TrueTime memory_needed_until() const { return memory_needed_until_; }
    // The longest duration that ever stood in the record.
    Duration longest_written() const { return longest_written_; }

    void set_clocks(Candidate& candidate, bool sane);

private:
    enum class Done { not_mine, not_now, yes };

    void next();
    void inject(Fault fault);
    Done inject_network(Fault fault);
    Done inject_operator(Fault fault);
    Done inject_process(Fault fault);
    Done inject_machine(Fault fault);

    void change_link(int client, const std::function<void(Link&)>& change, const std::function<void(Link&)>& undo);
    bool edit_duration();
    bool restore();
    Done stop_agent(Candidate& candidate);
    Done stop_supervisor(Candidate& candidate);
    Done stop_guardian(Candidate& candidate);
    Done kill_several(Candidate& candidate);
    Done stop_several(Candidate& candidate);
    void stop_for_a_while(Candidate& candidate, Process& process, const char* name);
    Done freeze(Candidate& candidate, bool suspended);

    Candidate& victim();
    Duration a_while() { return context_.random.scaled(context_.profile.longest_lease, 0.02, 2.5); }
    void later(Duration after, std::function<void()> action);
    bool holders_duration_is_known();
    bool everyone_remembers(Duration lease);
    bool hides_duration(const election::Snapshot& state) const;
    bool everyone_has_seen_a_record() const;
    bool everyone_goes_on() const;
    bool may_lose_memory() const { return context_.time.now() >= memory_needed_until_; }

    Context& context_;
    FakeRegister& store_;
    Checkers& checkers_;
    Candidates& candidates_;
    TrueTime end_{};
    std::uint64_t era_ = 0;
    TrueTime memory_needed_until_{};
    Duration longest_written_{};
};

}  // namespace leasehold::sim
