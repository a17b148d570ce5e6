// SPDX-License-Identifier: Apache-2.0
//
// What a refusal of etcd's means, said so that whoever reads it can do something about it. Pure.
#pragma once

#include <string>

#include "election/stores/http/client.h"

namespace leasehold::stores::etcd {

struct Explanation {
    // A metric label: label_of(Failure), or "unauthorized", "forbidden", "unavailable" (no leader, no quorum), "full",
    // "not_etcd" (somebody else answered, or an etcd without this API), "refused" (anything else).
    std::string label;
    std::string detail;        // one line for people that says what to do
    bool not_applied = false;  // the server says, as itself, that nothing was done
};

// For any answer that is not the success that was expected, transport failures included. `action`: "read", "write",
// "watch". What the server says is quoted, on one line and not without end.
Explanation explain(const http::Answer& answer, const std::string& action, const std::string& key,
                    const std::string& server);

}  // namespace leasehold::stores::etcd
