// SPDX-License-Identifier: Apache-2.0
//
// What a request that failed means, in a word and in a sentence for people. Plain: no clock, no I/O.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "election/stores/http/client.h"
#include "election/stores/http/easy.h"
#include "election/stores/http/endpoint.h"

namespace leasehold::stores::http {

// How far a request has come.
enum class Stage { lookup, connect, handshake, answer, rest };

struct Evidence {
    CURLcode code = CURLE_OK;
    std::string text;                // libcurl's own words
    long verify_result = 0;          // OpenSSL's, of the server's certificate
    int os_error = 0;                // errno of the last attempt to connect
    std::vector<std::string> tried;  // addresses, "127.0.0.1:6443"
    std::string names;               // that the server's certificate is for; empty if unknown
    Stage stage = Stage::lookup;
};

struct Outcome {
    Failure failure = Failure::none;
    std::string detail;
};

Outcome outcome_of(const Evidence& evidence, const Endpoint& endpoint);

// The same for a deadline that has passed: after `limit` it was still at that stage.
Outcome outcome_of_deadline(Stage stage, Duration limit, const std::vector<std::string>& tried,
                            const Endpoint& endpoint);

// "api.example:6443 (10.0.0.1:6443, 10.0.0.2:6443)"; only the server if it is given as an address.
std::string whom(const Endpoint& endpoint, const std::vector<std::string>& tried);

// The subject alternative names of the first certificate that libcurl has collected, as OpenSSL prints them.
std::string certificate_names(const Easy& easy);

}  // namespace leasehold::stores::http
