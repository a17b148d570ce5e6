// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace leasehold::stores {

// election.store.etcd
struct EtcdOptions {
    std::vector<std::string> endpoints;  // "https://10.0.0.1:2379"; members of one cluster, tried in this order
    std::string prefix = "/leasehold/";  // of the key; election.name follows
    std::string ca_file;                 // empty: what the system trusts
    std::string cert_file;               // of the client, with key_file; empty: none
    std::string key_file;
    std::string username;  // with password_file; empty: no authentication
    std::string password_file;

    friend bool operator==(const EtcdOptions&, const EtcdOptions&) = default;
};

}  // namespace leasehold::stores
