// SPDX-License-Identifier: Apache-2.0
//
// What the codes of ZooKeeper mean, said so that whoever reads it can do something about it. Pure.
#pragma once

#include <string>

#include "base/result.h"

namespace leasehold::stores::zookeeper {

// Whether a reply's code says that the connection or the session is gone, and nothing about the request.
bool is_loss(int code);

inline constexpr const char* kMakeBelow = "make a znode below";  // the path

struct Explanation {
    // A metric label: "forbidden", "unauthorized", "unavailable", "full", "refused" (anything else).
    std::string label;
    std::string detail;        // one line for people that says what to do
    bool not_applied = false;  // the server says that nothing was done
};

// For a code of a server that is not the success that was expected, nor a loss. `action`: "read", "write", kMakeBelow;
// `text`: zerror()'s; `authenticates`: a credential is configured.
Explanation explain(int code, const std::string& text, const std::string& action, const std::string& path,
                    const std::string& server, bool authenticates);

// For a code that is_loss().
Explanation explain_loss(int code, const std::string& text, const std::string& server, bool authenticates);

// The first line of a text, if it is "digest user:password". No other scheme proves anything without SASL or TLS.
Result<std::string> accept_credential(const std::string& text);

}  // namespace leasehold::stores::zookeeper
