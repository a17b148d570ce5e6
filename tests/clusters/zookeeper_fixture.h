// SPDX-License-Identifier: Apache-2.0
//
// One ZooKeeper ensemble of three servers for all tests of the program, started by the first that needs it and ended
// after the last. To be included by gtest programs only.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/servers/relays.h"
#include "tests/servers/zookeeper_cluster.h"

namespace leasehold::servers {

class SharedZookeeper : public testing::Environment {
public:
    static ZookeeperCluster& get() {
        if (!cluster_) cluster_ = std::make_unique<ZookeeperCluster>(ZookeeperCluster::Options{});
        for (int i = 0; i < cluster_->size(); ++i) {  // a test that failed may have left them so
            cluster_->start(i);
            cluster_->resume(i);
        }
        cluster_->await_ready();
        return *cluster_;
    }

    static std::vector<std::string> servers(const std::vector<int>& ports) {
        std::vector<std::string> servers;
        for (const int port : ports) servers.push_back("127.0.0.1:" + std::to_string(port));
        return servers;
    }

    // A name that no other test uses.
    static std::string new_name() { return "test-" + std::to_string(++names_); }

    void TearDown() override { cluster_.reset(); }

private:
    static inline std::unique_ptr<ZookeeperCluster> cluster_;
    static inline int names_ = 0;
};

inline testing::Environment* const kSharedZookeeper = testing::AddGlobalTestEnvironment(new SharedZookeeper);

}  // namespace leasehold::servers
