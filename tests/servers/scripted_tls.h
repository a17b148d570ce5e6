// SPDX-License-Identifier: Apache-2.0
//
// How the scripted server speaks TLS. What cannot be set up ends the test program with a message.
#pragma once

#include <memory>
#include <string>

#include "tests/servers/certificates.h"

struct ssl_ctx_st;

namespace leasehold::servers {

struct TlsOptions {
    KeyPair certificate;
    std::string client_ca_pem;  // asks clients for a certificate of this CA; empty: does not ask
    bool client_required = true;
};

// What the server makes its connections with.
std::shared_ptr<ssl_ctx_st> make_tls_context(const TlsOptions& options);

}  // namespace leasehold::servers
