// SPDX-License-Identifier: Apache-2.0
//
// What must never happen, judged from outside the code under test and on true time. A broken rule throws Violation.
//
//   never two         at no instant do two workload trees run. A tree that was frozen with its whole machine across its
//                     hard instant runs again for a moment after the thaw, which nobody can prevent; it does not count
//                     as running, but it must be gone within the kill allowance after the thaw. The same goes for
//                     a tree whose supervisor was frozen between deciding to start it and starting it.
//   no late tree      no tree is alive when the lease as written has passed for the fastest standby that the clock
//                     assumption allows.
//   empty release     a release mark is written only while no tree of its writer is alive.
//   nothing beside    no tree is started on a machine on which an earlier run's tree is alive, whoever left it there.
//   (A leftovers         leftover itself does not count as running: where the kernel does not back the containment and
//   all
//                     of leasehold is killed at once, nothing holds it to the lease.)
//   growth            transitions grow by one with each new term, fencing tokens strictly; both as long as no operator
//                     interferes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "election/core/events.h"
#include "tests/sim/candidate.h"
#include "tests/sim/context.h"
#include "tests/sim/fake_register.h"

namespace leasehold::sim {

struct Counts {
    std::uint64_t terms = 0;     // granted
    std::uint64_t trees = 0;     // started
    std::uint64_t releases = 0;  // standing in the register
    std::uint64_t thaws = 0;     // of trees whose hard instant had passed meanwhile
    Duration longest_afterlife{};
    std::uint64_t leftovers = 0;         // trees that all of leasehold was killed away from
    std::uint64_t leftovers_beside = 0;  // of these, while another machine's tree was started
    std::vector<Duration> handovers;     // from a release to the successor's tree, while all was well
};

class Checkers {
public:
    explicit Checkers(Context& context);

    // `late`: frozen together with the decision to start it, and thawed after its hard instant.
    void tree_started(Candidate& candidate, bool late);
    void tree_gone(Candidate& candidate);
    void tree_left(Candidate& candidate);
    void leftover_gone(Candidate& candidate) { of(candidate.index()).left = false; }
    void tree_frozen(Candidate& candidate);
    void tree_thawed(Candidate& candidate, bool past_hard);
    void applied(const FakeRegister::Applied& applied, bool writers_tree_alive);
    void operator_interfered();
    void granted(Candidate& candidate, const election::Grant& grant);
    void asked_to_stop(Candidate& candidate);
    void stopped(Candidate& candidate);

    // Whether all has been well for long enough that promptness may be expected as well.
    void set_calm(bool calm);

    // How many trees run now that are not about to go, and whose the last one was.
    int running() const;
    std::optional<int> leader() const;
    std::uint64_t trees_started() const { return counts_.trees; }
    Duration holders_lease() const { return holders_lease_; }  // of the last write that was not a release
    const Counts& counts() const { return counts_; }

private:
    struct Watched {
        bool alive = false;
        bool left = false;      // by an earlier run, and alive
        bool beside = false;    // when left: counted
        bool doomed = false;    // frozen across its hard instant, thawed, not gone yet
        TrueTime thawed_at{};   // when doomed
        Duration afterlife{};   // when doomed: between earlier thaws and freezes
        TrueTime lease_ends{};  // for the fastest standby, by the last write that was applied
    };

    Watched& of(int index) { return watched_[static_cast<std::size_t>(index)]; }
    void expect_alone(Candidate& candidate, const char* what);
    void expect_in_time(const Watched& watched, int index);
    void check_growth(const FakeRegister::Applied& applied);
    [[noreturn]] static void fail(const std::string& text) { throw Violation(text); }

    Context& context_;
    std::vector<Watched> watched_;
    std::vector<Candidate*> candidates_;  // whose tree is alive; frozen or not
    bool calm_ = false;
    bool interfered_ = true;      // an operator's hand was in the record since the last term began
    TrueTime untrusted_until_{};  // what is granted until then says nothing about growth
    std::uint64_t highest_token_ = 0;
    std::uint64_t highest_transitions_ = 0;
    Duration holders_lease_{};
    std::optional<TrueTime> released_at_;
    Counts counts_;
};

}  // namespace leasehold::sim
