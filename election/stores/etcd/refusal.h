// SPDX-License-Identifier: Apache-2.0
//
// What a refusal of etcd's means, said so that whoever reads it can do something about it. Pure.
#pragma once

#include <string>

#include "base/time.h"
#include "election/stores/etcd/messages.h"
#include "election/stores/http/client.h"

namespace leasehold::stores::etcd {

struct Explanation {
    // A metric label: label_of(Failure), or "unauthorized", "forbidden", "unavailable" (no leader, no quorum, a proxy
    // without a server), "throttled", "full", "not_etcd" (somebody else answered, or an etcd without this API),
    // "malformed", "another_cluster", "refused" (anything else).
    std::string label;
    std::string detail;           // one line for people that says what to do
    bool not_applied = false;     // certainly: never sent, or refused before anything was done
    bool elsewhere = true;        // another member may answer otherwise
    bool asks_for_token = false;  // the token that was sent, or that none was, is all that was wrong
    Duration retry_after{};       // the server asks to be left alone for that long; zero if it does not
};

// For any answer that is not the success that was expected, transport failures included. `action`: "read", "write",
// "watch". What the server says is quoted, on one line and not without end.
Explanation explain(const http::Answer& answer, const std::string& action, const std::string& key,
                    const std::string& server);

// The same for what is said within a stream.
Explanation explain(const Refusal& refusal, const std::string& action, const std::string& key,
                    const std::string& server);

// For an answer that should have been one, and is not.
Explanation malformed(const std::string& problem, const std::string& server);

}  // namespace leasehold::stores::etcd
