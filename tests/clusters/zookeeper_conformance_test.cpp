// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"

#include "election/stores/zookeeper/zookeeper_store.h"
#include "tests/clusters/shared_ensembles.h"
#include "tests/servers/relays.h"
#include "tests/servers/zookeeper_cluster.h"

namespace leasehold::stores {
namespace {

using servers::SharedEnsembles;
using servers::ZookeeperCluster;

class ZookeeperSubject {
public:
    static std::string unavailable() {
        return ZookeeperCluster::available() ? "" : ZookeeperCluster::unavailable_message();
    }

    std::unique_ptr<Store> open(EventLoop& loop) {
        ZookeeperOptions options;
        options.servers = servers::addresses(relays_.ports());
        return opened(open_zookeeper_store(loop, std::move(options), name_));
    }

    void remove() { cluster_.remove(name_); }
    void put(const std::string& text) { cluster_.put(name_, text); }
    void stall() { relays_.set(servers::Relay::Mode::black_hole); }
    void lose_answers() { relays_.set(servers::Relay::Mode::one_way); }
    void resume() { relays_.repair(); }

private:
    ZookeeperCluster& cluster_ = SharedEnsembles::get<ZookeeperCluster>();
    servers::Relays relays_{cluster_.client_ports()};
    std::string name_ = SharedEnsembles::new_name();
};

INSTANTIATE_TYPED_TEST_SUITE_P(Zookeeper, StoreConformance, ZookeeperSubject);

}  // namespace
}  // namespace leasehold::stores
