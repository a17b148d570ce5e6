// SPDX-License-Identifier: Apache-2.0
//
// One Consul datacenter of three servers and an agent for all tests of the program, started by the first that needs it
// and ended after the last. To be included by gtest programs only.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/servers/consul_cluster.h"

namespace leasehold::servers {

class SharedConsul : public testing::Environment {
public:
    static ConsulCluster& get() {
        if (!cluster_) cluster_ = std::make_unique<ConsulCluster>(ConsulCluster::Options{});
        for (int i = 0; i <= cluster_->size(); ++i) {  // a test that failed may have left them so
            cluster_->start(i);
            cluster_->resume(i);
        }
        cluster_->await_ready();
        return *cluster_;
    }

    // A name that no other test uses.
    static std::string new_name() { return "test-" + std::to_string(++names_); }

    void TearDown() override { cluster_.reset(); }

private:
    static inline std::unique_ptr<ConsulCluster> cluster_;
    static inline int names_ = 0;
};

inline testing::Environment* const kSharedConsul = testing::AddGlobalTestEnvironment(new SharedConsul);

}  // namespace leasehold::servers
