// SPDX-License-Identifier: Apache-2.0
#include "config/http_keys.h"

#include "config/key_makers.h"

namespace leasehold::config {

std::vector<Section> http_sections() {
    Section http{.path = "http", .help = "Metrics, health and status.", .example = "{listen: [\"0.0.0.0:9090\"]}"};
    Section tls{.path = "http.tls",
                .help = "The endpoints are served over TLS alone.",
                .example = "{cert_file: /etc/leasehold/tls.crt, key_file: /etc/leasehold/tls.key}"};
    tls.choose = [](Options& options) { options.http.tls.given = true; };
    tls.in_use = [](const Options& options) { return options.http.tls.given; };
    return {http, tls};
}

std::vector<Key> http_keys() {
    Key listen = list_key(
        "http.listen", "Addresses that serve /metrics, /healthz and the like; none for an empty list.",
        listen_address_form(), [](auto& o) -> auto& { return o.http.listen; });
    listen.example = "[\"0.0.0.0:9090\"]";
    return key_list(
        listen,
        scalar_key(
            "http.token_file", "Holds the bearer token that /metrics and /status ask for; they are open if not given.",
            absolute_path_form(), [](auto& o) -> auto& { return o.http.token_file; }),
        scalar_key(
            "http.tls.cert_file", "The server's certificate, and those in between up to its authority's.",
            absolute_path_form(), [](auto& o) -> auto& { return o.http.tls.cert_file; }),
        scalar_key(
            "http.tls.key_file", "Its private key, not encrypted.", absolute_path_form(),
            [](auto& o) -> auto& { return o.http.tls.key_file; }));
}

std::vector<RuleProblem> check(const metrics::HttpOptions& http) {
    if (!http.tls.given || (!http.tls.cert_file.empty() && !http.tls.key_file.empty())) return {};
    const char* missing = http.tls.cert_file.empty() ? "cert_file" : "key_file";
    return {{"http.tls", std::string("has no ") + missing + "; both cert_file and key_file are needed"}};
}

}  // namespace leasehold::config
