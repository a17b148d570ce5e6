// SPDX-License-Identifier: Apache-2.0
//
// What a refusal of Consul's means, said so that whoever reads it can do something about it. Pure.
#pragma once

#include <string>

#include "election/stores/http/client.h"

namespace leasehold::stores::consul {

struct Explanation {
    // A metric label: label_of(Failure), or "unauthorized", "forbidden", "unavailable" (no leader, no quorum, nobody
    // behind a proxy), "no_datacenter", "refused" (anything else), "not_consul" (somebody else answered).
    std::string label;
    std::string detail;        // one line for people that says what to do
    bool not_applied = false;  // certainly nothing was done
};

// For any answer that is not the success that was expected, transport failures included, but for a comparison that
// failed. `action`: "read", "write", "watch". What the server says is quoted, on one line and not without end.
Explanation explain(const http::Answer& answer, const std::string& action, const std::string& key,
                    const std::string& server);

}  // namespace leasehold::stores::consul
