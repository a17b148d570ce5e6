// SPDX-License-Identifier: Apache-2.0
//
// What is put to the test: the election's state machine as it is, or behind a filter that breaks it on purpose. The
// filters only change what goes in and comes out, so the code under test has no switches for tests; they are the
// negative controls that show that the checkers can fail.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "election/core/election.h"

namespace leasehold::sim {

enum class Breakage {
    none,
    half_lease,                 // a standby takes over after half of the lease
    no_hard_deadline,           // supervisor and guardian ignore the hard instant
    early_release,              // released before the tree was proven empty
    deadline_from_reply,        // deadlines count from the answer of a write, not from its sending
    deleted_is_free,            // a deleted record is taken for one that was never written
    standby_trusts_fast_clock,  // a standby believes the clock that says more
    silence_unnoticed,          // an agent goes on extending although its supervisor does not answer
    stuck_agent_is_left,        // a guardian does not kill an agent that does not go on
    leftovers_are_ignored,      // a tree is started beside what an earlier run left on the machine
    reload_shortens_the_lease,  // a running term goes on with a shorter lease than it began with
    no_dead_man,                // no timer of the kernel's kills the supervisor
    count,
};
std::string_view name(Breakage breakage);

class Core {
public:
    virtual ~Core() = default;
    virtual election::Step step(Instant now, const election::Event& event) = 0;
    virtual const election::Election& election() const = 0;
};

std::unique_ptr<Core> make_core(Breakage breakage, election::Settings settings, const election::Past& past,
                                Instant now);

}  // namespace leasehold::sim
