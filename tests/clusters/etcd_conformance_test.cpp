// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"

#include "election/stores/etcd/etcd_store.h"
#include "tests/clusters/shared_ensembles.h"
#include "tests/servers/etcd_cluster.h"
#include "tests/servers/relays.h"

namespace leasehold::stores {
namespace {

using servers::EtcdCluster;
using servers::SharedEnsembles;

class EtcdSubject {
public:
    static std::string unavailable() { return EtcdCluster::available() ? "" : EtcdCluster::unavailable_message(); }

    std::unique_ptr<Store> open(EventLoop& loop) {
        EtcdOptions options;
        options.endpoints = servers::addresses(relays_.ports(), "http://");
        return opened(open_etcd_store(loop, std::move(options), name_));
    }

    void remove() { cluster_.remove(name_); }
    void put(const std::string& text) { cluster_.put(name_, text); }
    void stall() { relays_.set(servers::Relay::Mode::black_hole); }
    void lose_answers() { relays_.set(servers::Relay::Mode::one_way); }
    void drip() { relays_.set(servers::Relay::Mode::drip); }
    void resume() { relays_.repair(); }

private:
    EtcdCluster& cluster_ = SharedEnsembles::get<EtcdCluster>();
    servers::Relays relays_{cluster_.client_ports()};
    std::string name_ = SharedEnsembles::new_name();
};

INSTANTIATE_TYPED_TEST_SUITE_P(Etcd, StoreConformance, EtcdSubject);

}  // namespace
}  // namespace leasehold::stores
