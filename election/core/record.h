// SPDX-License-Identifier: Apache-2.0
//
// What candidates write into the store: the leader election record of Kubernetes (client-go's LeaderElectionRecord)
// plus what it lacks. Plain data; how it is put into bytes is each store's business (election/stores/).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace leasehold::election {

// A term is one uninterrupted leadership of one candidate. Numbers grow within one incarnation and mean nothing
// outside.
using Term = std::uint64_t;

// Names one attempt to write, so that an attempt whose answer was lost can be recognised in the record later.
struct WriteId {
    Term term = 0;            // the term the attempt belongs to
    std::uint64_t agent = 0;  // which agent process of this incarnation made it: 1, and one more after each restart
    std::uint64_t attempt = 0;

    friend bool operator==(const WriteId&, const WriteId&) = default;

    std::string text() const;  // "7.1.42"
    static std::optional<WriteId> parse(std::string_view text);
};

struct Record {
    std::string holder;                // identity of the holder; empty when nobody holds it
    Duration lease_duration{};         // in force for everyone who reads this record
    std::int64_t acquire_time_us = 0;  // Unix time in microseconds, for people only
    std::int64_t renew_time_us = 0;    // likewise
    std::uint64_t transitions = 0;     // grows by one with every new term
    int format = 1;                    // of what follows
    std::string incarnation;           // unique to one start of the holder; empty in records of other programs
    std::string write_id;              // WriteId::text(); empty in records of other programs
    bool released = false;             // given up in order: free at once
    std::string successor;             // released: who is to go first, by a retry period; empty: nobody

    friend bool operator==(const Record&, const Record&) = default;
};

}  // namespace leasehold::election
