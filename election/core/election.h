// SPDX-License-Identifier: Apache-2.0
//
// Who may lead: the election as a pure state machine. `step(now, event)` returns commands and when to be called next.
// The same inputs give the same outputs, always: no clock, no I/O, no thread, no log, no randomness but the seed.
//
// Whoever performs the commands (production, a test, the simulator) also keeps a watch on the register open at all
// times and reports what it says; the machine never depends on it for safety.
//
// The rules it keeps are in docs/election.md; the promise rests on these:
//   - a term is granted only on the strength of a write of this object that was applied, and its deadlines count from
//     the sending of that very write;
//   - the lease is released only after TreeEmpty for the term;
//   - a lease held by someone else is tried only after the duration in its record has passed, in the standby's view,
//     since the last change of the record was received.
//
// Threads: none of its own; not thread-safe. Never blocks. Throws nothing but std::bad_alloc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "election/core/events.h"
#include "election/core/record.h"
#include "election/core/register.h"
#include "election/core/timing.h"

namespace leasehold::election {

struct Settings {
    std::string identity;     // what other candidates and people see
    std::string incarnation;  // unique to this start of leasehold; kept over restarts of the agent
    std::uint64_t agent = 1;  // which agent process of the incarnation this is
    Timing timing;
    std::uint64_t seed = 0;  // for spreading attempts
};

// What a restarted agent is told about the past of its incarnation.
struct Past {
    Term last_term = 0;                 // the highest term number ever granted
    std::uint64_t highest_version = 0;  // the highest version number ever seen, to recognise a restored store

    // The term that is running, if there is one.
    struct Running {
        Grant grant;            // as granted or extended last
        bool stopping = false;  // its tree is already being ended
    };
    std::optional<Running> running;
};

enum class Role {
    standby,    // watching, or trying to acquire
    leader,     // a term is granted
    stopping,   // the term is being ended; the lease is kept until the tree is proven empty
    releasing,  // the tree is empty, the lease is being given up
    finished,
};

class Election {
public:
    Election(Settings settings, Past past, Instant now);

    // Must be called with a `now` that never goes back on either clock. Begin with Tick.
    Step step(Instant now, const Event& event);

    Role role() const { return role_; }

    // The running term; nothing in role standby.
    const std::optional<Grant>& grant() const { return grant_; }

    // The last state of the register that was seen, and when it changed last; nothing before the first.
    const std::optional<Snapshot>& seen() const { return seen_; }
    Instant seen_at() const { return seen_at_; }

    // When the last successful write of this object was sent.
    const std::optional<Instant>& last_renewal() const { return last_renewal_; }

    std::uint64_t highest_version() const { return highest_version_; }
};

}  // namespace leasehold::election
