// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"

#include "election/stores/zookeeper/zookeeper_store.h"
#include "tests/clusters/cluster_fixture.h"
#include "tests/servers/zookeeper_cluster.h"

namespace leasehold::stores {
namespace {

class ZookeeperSubject : public ClusterSubject<servers::ZookeeperCluster> {
public:
    std::unique_ptr<Store> open(EventLoop& loop) {
        ZookeeperOptions options;
        options.servers = servers::addresses(relays_.ports());
        return opened(open_zookeeper_store(loop, std::move(options), name_));
    }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Zookeeper, StoreConformance, ZookeeperSubject);

}  // namespace
}  // namespace leasehold::stores
