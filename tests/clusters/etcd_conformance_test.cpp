// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"

#include "election/stores/etcd/etcd_store.h"
#include "election/stores/secret_text.h"
#include "tests/clusters/etcd_fixture.h"

namespace leasehold::stores {
namespace {

using nlohmann::json;
using servers::EtcdCluster;
using servers::SharedEtcd;

class EtcdSubject {
public:
    static std::string unavailable() { return EtcdCluster::available() ? "" : EtcdCluster::unavailable_message(); }

    std::unique_ptr<Store> open(EventLoop& loop) {
        EtcdOptions options;
        options.endpoints = relays_.urls();
        auto store = open_etcd_store(loop, std::move(options), name_);
        if (!store) throw std::runtime_error(store.error().message);
        return std::move(*store);
    }

    void remove() { cluster_.must("/v3/kv/deleterange", {{"key", key()}}); }
    void put(const std::string& text) { cluster_.must("/v3/kv/put", {{"key", key()}, {"value", encode_base64(text)}}); }
    void stall() { relays_.set(servers::Relay::Mode::black_hole); }
    void resume() {
        relays_.cut();
        relays_.set(servers::Relay::Mode::pass);
    }

private:
    std::string key() const { return encode_base64("/leasehold/" + name_); }

    EtcdCluster& cluster_ = SharedEtcd::get();
    servers::EtcdRelays relays_{cluster_};
    std::string name_ = SharedEtcd::new_name();
};

INSTANTIATE_TYPED_TEST_SUITE_P(Etcd, StoreConformance, EtcdSubject);

}  // namespace
}  // namespace leasehold::stores
