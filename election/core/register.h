// SPDX-License-Identifier: Apache-2.0
//
// A store as the election sees it: one versioned register with read, compare-and-swap and watch. These are the values
// that travel between the state machine and whoever performs its commands; no I/O here.
#pragma once

#include <cstdint>
#include <string>

#include "election/core/record.h"

namespace leasehold::election {

// Names one state of the register. `number` strictly grows from write to write, also over deletion and re-creation, and
// is what the workload gets as its fencing token (resourceVersion, mod_revision, ModifyIndex, zxid, generation). `tag`
// is whatever else the store compares; two versions are the same only if both parts are.
struct Version {
    std::uint64_t number = 0;
    std::string tag;

    friend bool operator==(const Version&, const Version&) = default;
};

enum class Presence {
    absent,      // there is no record
    vacated,     // there is one, but without a holder and without a release mark: emptied by hand
    present,     // `record` holds it
    unreadable,  // there is something that cannot be understood, `problem` says what: held, never free
};

// One state of the register, as it was read at some moment.
struct Snapshot {
    Presence presence = Presence::absent;
    Version version;  // of an absence: a number that changes with every write in between, or 0 if the store has none
    Record record;    // meaningful when present; when vacated as far as it goes
    std::string problem;

    // The store itself proves, or whoever prepared the record (then present, released) or its place (then vacated)
    // vouches, that no term was ever served under this name, so there is nobody to wait for. Not believed by a
    // candidate that has seen one.
    bool never_written = false;
    // The store itself proves that a newer record was written before this one: it was restored from a backup.
    bool rolled_back = false;
    // Whoever coordinates the election wants this candidate to hold it; empty if nobody asks for anything. (Kubernetes:
    // spec.preferredHolder of a Lease, KEP-4355.)
    std::string preferred_holder;

    friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

enum class ReadStatus { ok, failed };

struct ReadOutcome {
    ReadStatus status = ReadStatus::failed;
    Snapshot snapshot;       // when ok; from a consistent (linearizable) read
    std::string reason;      // when failed: a metric label, one of [a-z_]+, such as "timeout", "forbidden", "io"
    std::string detail;      // when failed: for people
    Duration retry_after{};  // when failed: the store asks to be left alone for that long; zero if it does not
};

enum class WriteStatus {
    applied,   // it stands in the register, or stood there until something newer replaced it
    conflict,  // the register was not in the expected version: certainly not applied
    failed,    // certainly not applied for another reason (refused, never sent)
    unknown,   // sent, and no answer came: it may be applied, now or later
};

struct WriteOutcome {
    WriteStatus status = WriteStatus::unknown;
    Version version;     // when applied: the version it produced
    std::string reason;  // when failed or unknown: as in ReadOutcome
    std::string detail;
    Duration retry_after{};
};

}  // namespace leasehold::election
