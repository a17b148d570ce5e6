// SPDX-License-Identifier: Apache-2.0
//
// The election's record as JSON text, for every store that keeps it as one piece of text. The keys are those of
// client-go's LeaderElectionRecord, so that people and tools recognise it, plus one object `leasehold` with ours:
//
//   holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaderTransitions,
//   leasehold: {format, incarnation, writeId, released, successor, leaseDurationMs, generation}
//
// `leaseDurationMs` is the exact duration; `leaseDurationSeconds` is the same rounded up. When somebody edited one of
// them so that they no longer belong together, the longer one counts. `generation` is there only for stores that number
// their writes themselves, `successor` only in a release that names one.
//
// Threads: none; pure functions. They never throw anything but std::bad_alloc, whatever the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "election/core/record.h"
#include "election/core/register.h"

namespace leasehold::stores {

inline constexpr std::size_t kRecordTextLimit = 64 * 1024;
inline constexpr std::uint64_t kHighestGeneration = std::uint64_t{1} << 62;

enum class JsonLayout { compact, indented };

// `generation` 0 leaves the key out. Bytes that are not UTF-8 are replaced.
std::string encode_record(const election::Record& record, JsonLayout layout, std::uint64_t generation = 0);

struct DecodedRecord {
    election::Presence presence = election::Presence::unreadable;  // never `absent`
    election::Record record;                                       // as in Snapshot
    std::string problem;                                           // when unreadable: "it is not JSON"
    std::uint64_t generation = 0;                                  // 0 when there is none, or none that makes sense
    bool prepared = false;                                         // it is make_released_record()'s
};

// Text of no bytes at all counts as vacated: somebody emptied the record.
DecodedRecord decode_record(std::string_view text);

// What stands there, as a snapshot tells it. The version and whether it was ever written are for the store to say.
void put_into(election::Snapshot& snapshot, const DecodedRecord& decoded);

// What `leasehold init` writes: nobody holds it, no term was ever served, free at once.
election::Record make_released_record(Duration lease_duration, std::int64_t now_us);

}  // namespace leasehold::stores
