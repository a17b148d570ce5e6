// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"

#include "election/stores/etcd/etcd_store.h"
#include "tests/clusters/etcd_fixture.h"

namespace leasehold::stores {
namespace {

using servers::EtcdCluster;
using servers::SharedEtcd;

class EtcdSubject {
public:
    static std::string unavailable() { return EtcdCluster::available() ? "" : EtcdCluster::unavailable_message(); }

    std::unique_ptr<Store> open(EventLoop& loop) {
        EtcdOptions options;
        options.endpoints = SharedEtcd::urls(relays_.ports());
        return opened(open_etcd_store(loop, std::move(options), name_));
    }

    void remove() { cluster_.remove(name_); }
    void put(const std::string& text) { cluster_.put(name_, text); }
    void stall() { relays_.set(servers::Relay::Mode::black_hole); }
    void lose_answers() { relays_.set(servers::Relay::Mode::one_way); }
    void drip() { relays_.set(servers::Relay::Mode::drip); }
    void resume() { relays_.repair(); }

private:
    EtcdCluster& cluster_ = SharedEtcd::get();
    servers::Relays relays_{cluster_.client_ports()};
    std::string name_ = SharedEtcd::new_name();
};

INSTANTIATE_TYPED_TEST_SUITE_P(Etcd, StoreConformance, EtcdSubject);

}  // namespace
}  // namespace leasehold::stores
