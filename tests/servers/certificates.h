// SPDX-License-Identifier: Apache-2.0
//
// Certificates for servers and clients of the tests, made by the program openssl. What it refuses is thrown as
// std::runtime_error.
#pragma once

#include <string>
#include <vector>

namespace leasehold::servers {

struct Certificate {  // paths of PEM files
    std::string certificate;
    std::string key;
};

// A certificate authority of its own; all its files are in `folder`, which must exist and outlive it.
class CertificateAuthority {
public:
    explicit CertificateAuthority(std::string folder);

    const std::string& file() const { return own_.certificate; }

    // For a server on this machine: localhost, 127.0.0.1 and ::1, and further DNS names.
    Certificate server(const std::string& name, const std::vector<std::string>& dns_names = {});

    // For a client; Kubernetes takes the common name as the user and the organizations as its groups.
    Certificate client(const std::string& user, const std::vector<std::string>& groups = {});

private:
    Certificate issue(const std::string& name, const std::string& subject, const std::string& extension);

    std::string folder_;
    Certificate own_;
    int issued_ = 0;
};

}  // namespace leasehold::servers
