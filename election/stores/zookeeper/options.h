// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace leasehold::stores {

// election.store.zookeeper
struct ZookeeperOptions {
    std::vector<std::string> servers;  // "10.0.0.1:2181", "[::1]:2181"; of one ensemble, tried in this order
    std::string path = "/leasehold";   // the znode below which the record's is; made if it is missing
    std::string auth_file;  // its first line is a scheme and a credential, "digest user:password"; empty: none

    friend bool operator==(const ZookeeperOptions&, const ZookeeperOptions&) = default;
};

}  // namespace leasehold::stores
