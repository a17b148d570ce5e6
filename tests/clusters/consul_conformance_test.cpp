// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"

#include "election/stores/consul/consul_store.h"
#include "tests/clusters/shared_ensembles.h"
#include "tests/servers/consul_cluster.h"
#include "tests/servers/relay.h"

namespace leasehold::stores {
namespace {

using servers::ConsulCluster;
using servers::Relay;
using servers::SharedEnsembles;

class ConsulSubject {
public:
    static std::string unavailable() { return ConsulCluster::available() ? "" : ConsulCluster::unavailable_message(); }

    std::unique_ptr<Store> open(EventLoop& loop) {
        ConsulOptions options;
        options.address = "http://127.0.0.1:" + std::to_string(relay_.port());
        return opened(open_consul_store(loop, std::move(options), name_));
    }

    void remove() { cluster_.remove(name_); }
    void put(const std::string& text) { cluster_.put(name_, text); }
    void stall() { relay_.set(Relay::Mode::black_hole); }
    void lose_answers() { relay_.set(Relay::Mode::one_way); }
    void resume() {
        relay_.cut();
        relay_.set(Relay::Mode::pass);
    }

private:
    ConsulCluster& cluster_ = SharedEnsembles::get<ConsulCluster>();
    Relay relay_{{.server_port = cluster_.client_ports().front()}};
    std::string name_ = SharedEnsembles::new_name();
};

INSTANTIATE_TYPED_TEST_SUITE_P(Consul, StoreConformance, ConsulSubject);

}  // namespace
}  // namespace leasehold::stores
