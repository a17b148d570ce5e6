// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/tls_files.h"

#include "tests/servers/certificates.h"

namespace leasehold::servers {

void TlsFiles::identify(HttpCall& call) const {
    call.ca_file = ca_file;
    call.certificate_file = certificate_file;
    call.key_file = key_file;
}

TlsFiles write_tls_files(const harness::TempFolder& folder) {
    TlsFiles files{.ca_file = folder.path("ca.crt"),
                   .server_certificate_file = folder.path("server.crt"),
                   .server_key_file = folder.path("server.key"),
                   .certificate_file = folder.path("client.crt"),
                   .key_file = folder.path("client.key")};
    const Authority authority;
    const KeyPair server = authority.issue();
    const KeyPair client = authority.issue();
    harness::write_file(files.ca_file, authority.pem());
    harness::write_file(files.server_certificate_file, server.certificate_pem);
    harness::write_file(files.server_key_file, server.key_pem);
    harness::write_file(files.certificate_file, client.certificate_pem);
    harness::write_file(files.key_file, client.key_pem);
    return files;
}

}  // namespace leasehold::servers
