// SPDX-License-Identifier: Apache-2.0
//
// The store on the cluster of the tests, with each kind of lock. tests/kubeapi/ has the same against the real server.
#include "tests/conformance/store_conformance.h"
#include "tests/kubernetes/fake_cluster.h"

#include "election/stores/kubernetes/kubernetes_store.h"

namespace leasehold::stores {
namespace {

using kubernetes::FakeCluster;

template <KubernetesLock kLock>
class FakeSubject {
public:
    std::unique_ptr<Store> open(EventLoop& loop) {
        if (!cluster_) cluster_ = std::make_unique<FakeCluster>(loop);
        return kubernetes::open_kubernetes_store(loop, cluster_->open_api(), {kLock, "ns", "lock", nullptr},
                                                 std::make_shared<election::Version>());
    }
    void remove() { cluster_->remove(target()); }
    void put(const std::string& text) {
        nlohmann::json object = *cluster_->find(target());
        if (kLock == KubernetesLock::lease) {
            object["spec"] = {{"holderIdentity", text}};
        } else {
            object["metadata"]["annotations"][kubernetes::kLeaderAnnotation] = text;
        }
        cluster_->put(target(), std::move(object));
    }
    void stall() { cluster_->stall(true); }
    void resume() { cluster_->stall(false); }

    // In an annotation times are kept in whole seconds.
    static election::Record as_kept(election::Record record) {
        if (kLock == KubernetesLock::lease) return record;
        record.acquire_time_us -= record.acquire_time_us % 1'000'000;
        record.renew_time_us -= record.renew_time_us % 1'000'000;
        return record;
    }

private:
    static std::string target() { return kubernetes::kind_of(kLock).collection_path("ns") + "/lock"; }
    std::unique_ptr<FakeCluster> cluster_;
};

using Subjects = ::testing::Types<FakeSubject<KubernetesLock::lease>, FakeSubject<KubernetesLock::endpoints>,
                                  FakeSubject<KubernetesLock::configmap>>;
INSTANTIATE_TYPED_TEST_SUITE_P(FakeCluster, StoreConformance, Subjects);

}  // namespace
}  // namespace leasehold::stores
