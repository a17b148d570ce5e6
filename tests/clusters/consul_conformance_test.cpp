// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"

#include "election/stores/consul/consul_store.h"
#include "tests/clusters/cluster_fixture.h"
#include "tests/servers/consul_cluster.h"

namespace leasehold::stores {
namespace {

class ConsulSubject : public ClusterSubject<servers::ConsulCluster> {
public:
    std::unique_ptr<Store> open(EventLoop& loop) {
        ConsulOptions options;
        options.address = servers::addresses(relays_.ports(), "http://").front();
        return opened(open_consul_store(loop, std::move(options), name_));
    }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Consul, StoreConformance, ConsulSubject);

}  // namespace
}  // namespace leasehold::stores
