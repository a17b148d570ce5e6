// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace leasehold::stores {

// election.store.consul
struct ConsulOptions {
    std::string address = "http://127.0.0.1:8500";  // of an agent's HTTP API
    std::string prefix = "leasehold/";              // of the key; election.name follows
    std::string datacenter;                         // empty: the agent's own
    std::string token_file;                         // empty: no token
    std::string ca_file;                            // empty: what the system trusts
    std::string cert_file;                          // of the client, with key_file; empty: none
    std::string key_file;

    friend bool operator==(const ConsulOptions&, const ConsulOptions&) = default;
};

}  // namespace leasehold::stores
