// SPDX-License-Identifier: Apache-2.0
//
// PEM files for servers that want to see a certificate of each client: an authority, and what it has issued.
#pragma once

#include <string>

#include "tests/harness/candidate.h"
#include "tests/servers/http_call.h"

namespace leasehold::servers {

// The paths of files in a folder.
struct TlsFiles {
    std::string ca_file;
    std::string server_certificate_file;
    std::string server_key_file;
    std::string certificate_file;  // of a client
    std::string key_file;

    void identify(HttpCall& call) const;  // as that client
};

// Makes them in this folder.
TlsFiles write_tls_files(const harness::TempFolder& folder);

}  // namespace leasehold::servers
