// SPDX-License-Identifier: Apache-2.0
//
// What goes into the election's state machine and what comes out of it. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "election/core/record.h"
#include "election/core/register.h"

namespace leasehold::election {

using RequestId = std::uint64_t;  // unique within one Election object

// ---- events -------------------------------------------------------------------------------------------------------

// Time has passed; always allowed, and owed at the latest when the wake-up of the last step has come.
struct Tick {};

// The answer to DoRead. `sent` was taken before the request left.
struct ReadDone {
    RequestId id = 0;
    Instant sent;
    ReadOutcome outcome;
};

// The answer to DoWrite. `sent` was taken before the request left. Owed within the command's timeout, as `unknown` if
// need be; an answer that comes later is dropped by whoever performs the commands.
struct WriteDone {
    RequestId id = 0;
    Instant sent;
    WriteOutcome outcome;
};

// The watch reports a state of the register. A hint: may be stale, repeated or missing.
struct WatchSeen {
    Snapshot snapshot;
};

// The watch may have missed something. Whoever performs the commands starts it again by itself.
struct WatchBroken {
    std::string reason;
};

// Proof that nothing of the term's tree is alive, and that nothing will be started in it any more. Comes in answer to
// Revoke, or unasked when the workload ended by itself.
struct TreeEmpty {
    Term term = 0;
};

// Leasehold is to end: stop the workload, release, then Finished.
struct StopRequested {};

// This candidate is to lead no longer, and leasehold stays: stop the workload, release, contend again. Nothing to do
// where no term runs. Who is named in `successor` has a head start of a retry period, by way of the released record.
struct ResignRequested {
    std::string successor;  // an identity; empty: whoever comes first
};

// Whether this candidate could run the workload if it were granted a term; it can until told otherwise. One that cannot
// watches, but tries nothing. A running term is not affected.
struct Candidacy {
    bool able = true;
};

using Event = std::variant<Tick, ReadDone, WriteDone, WatchSeen, WatchBroken, TreeEmpty, StopRequested, ResignRequested,
                           Candidacy>;

// ---- commands -----------------------------------------------------------------------------------------------------

// Read the register consistently. A newer read takes the place of one still under way: the older one's answer is
// ignored when it comes.
struct DoRead {
    RequestId id = 0;
    Duration timeout{};
};

enum class WritePurpose { acquire, renew, release };

// Compare-and-swap. At most one write is under way at a time. Whoever performs it stamps the record's renew time, and
// its acquire time when that is zero; these are for people and decide nothing.
struct DoWrite {
    RequestId id = 0;
    WritePurpose purpose = WritePurpose::acquire;
    Term term = 0;               // that it begins, extends or ends
    bool expect_absent = false;  // create; otherwise the register must be at `expected`
    Version expected;
    Record record;
    Duration timeout{};
};

// Begin a term, or extend the running one: nothing else keeps a workload alive.
struct Grant {
    Term term = 0;
    std::uint64_t token = 0;        // fencing token
    std::uint64_t transitions = 0;  // as it stands in the record
    Instant soft;                   // SIGTERM
    Instant hard;                   // SIGKILL

    friend bool operator==(const Grant&, const Grant&) = default;
};

enum class RevokeMode {
    orderly,  // stop signal, then up to the workload's own grace period
    kill,     // someone else holds the lease: SIGKILL now
};

// End the term and answer with TreeEmpty. May be repeated, also with a harder mode.
struct Revoke {
    Term term = 0;
    RevokeMode mode = RevokeMode::orderly;

    friend bool operator==(const Revoke&, const Revoke&) = default;
};

// The election is over after StopRequested: nothing is held, or nothing more can be done about it. Emitted once, last.
struct Finished {};

// Every decision, for the log, the journal and the metrics.
enum class Decision {
    waiting_for_holder,     // someone else holds it
    waiting_for_preferred,  // released, but meant for another candidate, which goes first
    waiting_first_record,   // no record, nor was one ever seen here: waiting a full duration
    waiting_unknown_past,   // a deleted, emptied or restored one: likewise
    waiting_unreadable,     // held, because it cannot be understood
    attempting,             // trying to acquire
    attempt_lost,           // someone else was faster
    attempt_failed,         // the store refused or did not answer; tried again
    acquired,               // a term begins
    renew_failed,           // one renewal did not succeed; retried
    rewriting,              // the record was deleted, emptied, damaged or restored; the holder writes it again
    lost_deadline,          // the renew deadline passed
    lost_other_holder,      // proof that someone else holds it
    stopping_on_request,    // StopRequested while leading
    resigning,              // ResignRequested while leading
    yielding,               // another candidate is to hold it (Snapshot::preferred_holder)
    workload_ended,         // the tree became empty by itself
    released,               // given up in order
    release_abandoned,      // not released: it will run out
};

struct Note {
    Decision decision = Decision::attempting;
    Term term = 0;
    std::string detail;  // for people; may be empty
    Duration wait{};     // for the waiting_ ones: how long at most, if nothing changes
};

using Command = std::variant<DoRead, DoWrite, Grant, Revoke, Finished, Note>;

// What one step of the machine asks for. `wake` is how long after the step's `now` the next Tick is owed at the latest.
struct Step {
    std::vector<Command> commands;
    Duration wake{};
};

}  // namespace leasehold::election
