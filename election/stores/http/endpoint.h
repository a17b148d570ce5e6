// SPDX-License-Identifier: Apache-2.0
//
// A Peer that has been looked through: what libcurl has to be told about it. Plain: no clock, no I/O.
#pragma once

#include <string>

#include "base/result.h"
#include "election/stores/http/client.h"
#include "election/stores/http/easy.h"

namespace leasehold::stores::http {

struct Endpoint {
    Peer peer;
    bool tls = false;
    bool numeric = false;  // the host is an address, not a name
    std::string host;      // as in the URL, an IPv6 address without brackets
    std::string server;    // host and port, for people and for a Host header
    std::string url;       // what targets are appended to; its host is the one that certificates are checked for
    std::string redirect;  // a rule for CURLOPT_CONNECT_TO if that is not the host to connect to; or empty
};

// An error names the URL and what is wrong with it.
Result<Endpoint> parse_endpoint(const CurlLibrary& library, Peer peer);

// Sets all that depends on the peer alone, and what is never done. `endpoint` must outlive the handle.
void apply(const Endpoint& endpoint, Easy& easy);

}  // namespace leasehold::stores::http
