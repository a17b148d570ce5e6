// SPDX-License-Identifier: Apache-2.0
//
// What protects the HTTP endpoints: the bearer token and the certificate of section `http`, from files that somebody
// else replaces while we run. What will not do leaves the last good one in force, and is logged once; an agent that is
// started again and finds nothing good answers no protected question, but never ends a workload over that.
//
// Threads: the event loop's. Blocking: looks at the files at most once a second, when somebody asks.
#pragma once

#include "base/result.h"
#include "metrics/endpoints.h"
#include "metrics/http_server.h"
#include "metrics/options.h"

namespace leasehold::app {

struct HttpProtection {
    metrics::TokenSource token;          // empty: no token is asked for
    metrics::HttpServer::TlsSource tls;  // empty: no TLS
};

HttpProtection protect_http(const metrics::HttpOptions& options);

// Before anything is started: whether there are a token, a certificate and the key that belongs to it, as configured;
// complains of a secret that everybody may read. Blocking: loads the library that serves, in a process of its own,
// since who calls this may become the guardian.
Result<void> try_http_protection(const metrics::HttpOptions& options);

}  // namespace leasehold::app
