// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace leasehold::metrics {

struct HttpTlsOptions {
    bool given = false;     // or else the endpoints are served without TLS
    std::string cert_file;  // PEM, both
    std::string key_file;

    friend bool operator==(const HttpTlsOptions&, const HttpTlsOptions&) = default;
};

// http: where the endpoints are served. "0.0.0.0:9090", "[::]:9090", "127.0.0.1:0"; an empty list serves nothing. All
// forms of addresses: open_listeners() in http_server.h.
struct HttpOptions {
    std::vector<std::string> listen = {"0.0.0.0:9090"};
    std::string token_file;  // empty: everything is open
    HttpTlsOptions tls;

    friend bool operator==(const HttpOptions&, const HttpOptions&) = default;
};

}  // namespace leasehold::metrics
