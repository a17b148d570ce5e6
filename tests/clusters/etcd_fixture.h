// SPDX-License-Identifier: Apache-2.0
//
// One etcd cluster of three members for all tests of the program, started by the first that needs it and ended after
// the last. To be included by gtest programs only.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "election/stores/etcd/options.h"
#include "tests/servers/etcd_cluster.h"
#include "tests/servers/relays.h"

namespace leasehold::servers {

class SharedEtcd : public testing::Environment {
public:
    static EtcdCluster& get() {
        if (!cluster_) cluster_ = std::make_unique<EtcdCluster>(EtcdCluster::Options{});
        for (int i = 0; i < cluster_->size(); ++i) {  // a test that failed may have left them so
            cluster_->start(i);
            cluster_->resume(i);
        }
        cluster_->await_ready();
        return *cluster_;
    }

    static std::vector<std::string> urls(const std::vector<int>& ports) {
        std::vector<std::string> urls;
        for (const int port : ports) urls.push_back("http://127.0.0.1:" + std::to_string(port));
        return urls;
    }

    // A name that no other test uses.
    static std::string new_name() { return "test-" + std::to_string(++names_); }

    void TearDown() override { cluster_.reset(); }

private:
    static inline std::unique_ptr<EtcdCluster> cluster_;
    static inline int names_ = 0;
};

inline testing::Environment* const kSharedEtcd = testing::AddGlobalTestEnvironment(new SharedEtcd);

}  // namespace leasehold::servers
