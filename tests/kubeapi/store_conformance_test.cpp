// SPDX-License-Identifier: Apache-2.0
//
// The store on the real API server, with each kind of lock. tests/kubernetes/ has the same against the cluster of the
// tests.
#include "tests/conformance/store_conformance.h"

#include <memory>
#include <optional>
#include <string>

#include "election/stores/kubernetes/kubernetes_store.h"
#include "tests/servers/kube_api_fixture.h"
#include "tests/servers/relay.h"

namespace leasehold::stores {
namespace {

using servers::KubeApi;
using servers::Relay;

template <KubernetesLock kLock>
class RealSubject {
public:
    static std::string unavailable() { return KubeApi::available() ? "" : KubeApi::unavailable_message(); }

    RealSubject() : api_(servers::SharedKubeApi::get()), relay_({.server_port = api_.port()}) {
        namespace_ = api_.create_namespace();
        options_.kubeconfig =
            api_.kubeconfig(KubeApi::kAdmin, namespace_, "https://127.0.0.1:" + std::to_string(relay_.port()));
    }

    std::unique_ptr<Store> open(EventLoop& loop) {
        auto access = kubernetes::Access::create(loop, options_, [](const std::string&) { return std::nullopt; });
        if (!access) throw std::runtime_error(access.error().message);
        auto api = kubernetes::Api::create(loop, std::move(*access));
        if (!api) throw std::runtime_error(api.error().message);
        return kubernetes::open_kubernetes_store(loop, std::move(*api), {kLock, namespace_, "lock", nullptr},
                                                 std::make_shared<election::Version>());
    }

    void remove() { api_.must("DELETE", target()); }

    void put(const std::string& text) {
        nlohmann::json object = api_.must("GET", target());
        if (kLock == KubernetesLock::lease) {
            object["spec"] = {{"holderIdentity", text}};
        } else {
            object["metadata"]["annotations"][kubernetes::kLeaderAnnotation] = text;
        }
        api_.must("PUT", target(), object);
    }

    // As a network that loses everything: what was sent meanwhile never arrives.
    void stall() { relay_.set(Relay::Mode::black_hole); }
    void resume() {
        relay_.cut();
        relay_.set(Relay::Mode::pass);
    }

    // In an annotation times are kept in whole seconds.
    static election::Record as_kept(election::Record record) {
        if (kLock == KubernetesLock::lease) return record;
        record.acquire_time_us -= record.acquire_time_us % 1'000'000;
        record.renew_time_us -= record.renew_time_us % 1'000'000;
        return record;
    }

private:
    std::string target() const { return kubernetes::kind_of(kLock).collection_path(namespace_) + "/lock"; }

    KubeApi& api_;
    Relay relay_;
    std::string namespace_;
    KubernetesOptions options_;
};

using Subjects = ::testing::Types<RealSubject<KubernetesLock::lease>, RealSubject<KubernetesLock::endpoints>,
                                  RealSubject<KubernetesLock::configmap>>;
INSTANTIATE_TYPED_TEST_SUITE_P(RealServer, StoreConformance, Subjects);

}  // namespace
}  // namespace leasehold::stores
