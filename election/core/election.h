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
    Term last_term = 0;              // the highest term number ever granted
    std::uint64_t last_version = 0;  // the version number seen last, to recognise a restored store

    // The term that is running, if there is one.
    struct Running {
        Grant grant;            // as granted or extended last
        bool stopping = false;  // its tree is already being ended

        // The longest that may stand in a record of this term, when an earlier agent had another configuration. The
        // term goes on with that, or with the configured one if that is longer: a grant that counts on a long lease
        // must not see a record with a shorter one.
        Duration lease_duration{};
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
    Election(Settings settings, const Past& past, Instant now);

    // Must be called with a `now` that never goes back on either clock. Begin with Tick.
    Step step(Instant now, const Event& event);

    Role role() const { return role_; }

    // The running term; nothing in role standby.
    const std::optional<Grant>& grant() const { return grant_; }

    // The last state of the register that was seen, and when it changed last; nothing before the first.
    const std::optional<Snapshot>& seen() const { return seen_; }
    Instant seen_at() const { return seen_at_; }

    // Standby: how long until the lease may be tried if nothing changes; nothing when that will not come by itself.
    std::optional<Duration> free_in(Instant now) const;

    // When the last successful write of this object was sent.
    const std::optional<Instant>& last_renewal() const { return last_renewal_; }

    // The version number seen last: what Past::last_version is to be after a restart.
    std::uint64_t last_version() const { return last_version_; }

private:
    // What the register must look like for our next write to be applied.
    struct Base {
        bool absent = false;
        Version version;  // of an absence only the number
        friend bool operator==(const Base&, const Base&) = default;
    };
    struct PendingWrite {
        RequestId id = 0;
        WritePurpose purpose = WritePurpose::acquire;
        std::string write_id;
        Base base;
        std::optional<Version> echoed = {};  // the watch has shown it, which proves that it was applied
    };
    // Whose a state of the register is, in the eyes of the holder of the current term.
    enum class Owner { us, other, nobody };

    // election.cpp: events, the picture of the register, requests.
    void handle(Instant now, const ReadDone& done);
    void handle(Instant now, const WriteDone& done);
    void handle(Instant now, const WatchSeen& watch);
    void handle(Instant now, const TreeEmpty& empty);
    void handle(const StopRequested& stop);
    void handle(const ResignRequested& resign);
    void advance(Instant now);
    void observe(Instant now, const Snapshot& snapshot);
    void doubt(Instant now);
    bool is_news(const Snapshot& snapshot) const;
    bool is_echo(const Snapshot& snapshot) const;
    void start_read(Duration timeout);
    void start_write(WritePurpose purpose, const Base& base, Duration timeout);
    Base base_of(const Snapshot& snapshot) const;
    Owner owner_of(const Snapshot& snapshot) const;
    void note(Decision decision, std::string detail = {}, Duration wait = {});
    Duration bearable(Instant now, Duration retry_after) const;
    Duration pause_after_failed_read();
    Duration wake(Instant now) const;
    Duration random_below(Duration limit);

    // standby.cpp: waiting and acquiring.
    void advance_standby(Instant now);
    void finish_if_nothing_is_held(Instant now);
    void attempt(Instant now);
    void read_done_standby(Instant now, const Snapshot& snapshot);
    void write_done_acquire(Instant now, const WriteDone& done);
    void acquired(Instant now, Instant sent, const Version& version);
    void end_campaign(Instant now);
    void look_after_a_loss(Instant now);
    void defer_look_no_longer(Instant now);
    void announce_wait(Instant now);
    bool meant_for_another() const;
    bool may_attempt() const { return able_ && !stop_requested_; }
    bool read_owed_before_create() const;
    bool wants_read() const;

    // leader.cpp: renewing, losing, releasing.
    void advance_holder(Instant now);
    void check_deadlines(Instant now);
    void advance_release(Instant now);
    void read_done_holder(Instant now, const Snapshot& snapshot);
    void read_done_release(Instant now, const Snapshot& snapshot);
    void write_done_renew(Instant now, const WriteDone& done);
    void write_done_release(Instant now, const WriteDone& done);
    void extend(Instant sent);
    void hurry(Instant now);
    void lose_to_other(const Snapshot& snapshot);
    void yield_if_asked_to(const Snapshot& snapshot);
    void revoke(RevokeMode mode);
    void end_term(Instant now);
    Duration holder_timeout(Instant now) const;
    Instant next_try(Instant now, const WriteDone& done) const;
    void conflict_seen(Instant now);

    Settings settings_;
    Timing timing_;  // as configured, but for the lease duration of a term that an earlier agent has begun
    Role role_ = Role::standby;
    bool stop_requested_ = false;
    bool able_ = true;
    Step out_;  // of the step under way

    // The register as last seen.
    std::optional<Snapshot> seen_;
    Instant seen_at_;
    bool seen_distrusted_ = false;  // older than one seen before, or released by hand
    std::string seen_term_;         // incarnation and term of the last record seen
    Duration seen_wait_{};          // how long a standby has to wait after seen_at_
    std::uint64_t last_version_ = 0;
    bool record_seen_ = false;       // so "never written" is not true, or not any more
    bool just_read_ = false;         // in this very step
    std::uint64_t transitions_ = 0;  // the highest seen
    bool read_wanted_ = true;
    Instant read_not_before_;
    Instant contact_at_;  // when the store said anything last

    // Requests under way, and what became of earlier ones.
    RequestId next_request_ = 1;
    std::uint64_t next_attempt_ = 1;
    std::optional<RequestId> read_;
    std::optional<PendingWrite> write_;
    std::map<std::string, Instant> unresolved_;  // write id -> when sent, of this term's attempts without an answer

    // The current term or campaign.
    Term term_ = 0;                           // the highest number used so far
    std::optional<Base> campaign_;            // acquiring: what the attempts of this campaign expect
    std::optional<Snapshot> told_meanwhile_;  // by the watch during the campaign: a newer record
    bool doubt_meanwhile_ = false;            // during the campaign the watch broke, or told what has to be asked about
    bool look_deferred_ = false;              // after a lost attempt; read_not_before_ says until when
    std::optional<Base> base_;  // holding: what the next write expects; nothing when that has to be read first
    std::optional<Grant> grant_;
    std::optional<Version> begun_by_;  // holding, but not granted yet: the write that began the term
    std::optional<Instant> last_renewal_;
    std::optional<Instant> hurried_at_;            // the last write that was made before its time
    std::uint64_t term_transitions_ = 0;           // of the current term or campaign
    int conflicts_ = 0;                            // in a row
    int failed_reads_ = 0;                         // likewise
    bool lost_ = false;                            // someone else holds it: neither renew nor release
    bool yielding_ = false;                        // given up in favour of another candidate, which goes first
    std::string successor_;                        // to be named in the release
    std::optional<std::string> preferred_holder_;  // as it stood there when the term began, in spite of it; if known
    bool expired_ = false;                         // the hard instant has passed: the term is not extended any more
    bool release_unknown_ = false;                 // a release without an answer: someone else may hold it already
    Instant write_not_before_;                     // pacing of renewals, releases, attempts
    Instant spread_until_;  // no further attempt at a freed lease before this; others may be faster
    std::optional<Decision> announced_;
    std::string announced_detail_;
    std::uint64_t random_;
};

}  // namespace leasehold::election
