// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"

#include "election/stores/etcd/etcd_store.h"
#include "tests/clusters/cluster_fixture.h"
#include "tests/servers/etcd_cluster.h"

namespace leasehold::stores {
namespace {

class EtcdSubject : public ClusterSubject<servers::EtcdCluster> {
public:
    std::unique_ptr<Store> open(EventLoop& loop) {
        EtcdOptions options;
        options.endpoints = servers::addresses(relays_.ports(), "http://");
        return opened(open_etcd_store(loop, std::move(options), name_));
    }

    void drip() { relays_.set(servers::Relay::Mode::drip); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Etcd, StoreConformance, EtcdSubject);

}  // namespace
}  // namespace leasehold::stores
