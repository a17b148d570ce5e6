// SPDX-License-Identifier: Apache-2.0
//
// The annotation `leasehold.io/record`, beside a record in client-go's form: what that form has no room for, and by
// what to tell whose record it is.
//
//   {"format":1,"incarnation":"c0ffee","writeId":"7.1.42","released":false,"holderIdentity":"pod-1_x",
//    "leaseDurationSeconds":15,"of":"9ae16a3b2f90404f"}
//
// A release may name a `successor` as well.
//
// client-go keeps annotations that it does not know. So ours counts only while the record beside it is still the one
// that was written with it, which `of` tells: a digest of the two times and the number of transitions, which every
// program changes when it writes, and nobody by hand. Holder and duration, which people do edit, stand here again
// instead, so that an edit can be told from another program's write.
//
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "election/core/record.h"
#include "election/core/register.h"

namespace leasehold::stores::kubernetes {

// A record as it stands in an object in client-go's form, whoever wrote it.
struct ShownRecord {
    std::string holder;
    std::optional<Duration> lease_duration;  // whole seconds; zero only from a release as client-go once wrote it
    std::string acquire_time;                // RFC 3339, as it stands there; empty if there is none
    std::string renew_time;
    std::uint64_t transitions = 0;
};

inline constexpr std::uint64_t kMostTransitions = INT32_MAX;  // and seconds: the API's numbers have 32 bits

// The fields of a Lease's spec, all of which may be missing; or of client-go's LeaderElectionRecord, in which none but
// the times may be. `problem` as in JsonFields.
ShownRecord shown_in_spec(const nlohmann::json& spec, std::string& problem);
ShownRecord shown_in_annotation(const std::string& text, std::string& problem);

// What is to be shown for a record. A released one looks like client-go's own release (no holder, one second), so that
// client-go programs and leader-elector take over at once. `time_text` gives times the form that the object wants.
ShownRecord shown_for(const election::Record& record, std::optional<std::string> (*time_text)(std::int64_t unix_us));

// The annotation to write beside `shown`.
std::string record_annotation(const election::Record& record, const ShownRecord& shown);

// Reads both back: presence (present, vacated or unreadable), record and problem of a snapshot; a problem that is there
// already makes it unreadable. No annotation, or one that cannot be read, means that another program wrote the record.
// An edit of our record by hand does not make it free, nor its duration shorter.
void read_record(const ShownRecord& shown, const std::optional<std::string>& annotation, election::Snapshot& into);

}  // namespace leasehold::stores::kubernetes
