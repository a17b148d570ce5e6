// SPDX-License-Identifier: Apache-2.0
//
// leasehold candidates on a real API server, judged by the stamps of their workloads.
#pragma once

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/harness/with_candidates.h"
#include "tests/servers/kube_api_fixture.h"

namespace leasehold::servers {

class LeaseholdTest : public harness::WithCandidates<KubeApiTest> {
protected:
    static constexpr const char* kLeases = "/apis/coordination.k8s.io/v1/namespaces/";

    // With an administrator's rights, unless `options` says otherwise.
    std::string default_store() override { return store_with(api().kubeconfig(KubeApi::kAdmin, name_space())); }

    // The rights that the shipped Role gives, for a user of this namespace. "" for no role label.
    void grant_role(const std::string& user) {
        api().grant(name_space(), user,
                    {{"coordination.k8s.io", "leases", {"create"}},
                     {"coordination.k8s.io", "leases", {"get", "update", "watch"}, {"test"}},
                     {"", "events", {"create"}},
                     {"", "pods", {"patch"}}});
    }

    // The Lease as the shipped manifest makes it: nobody has to wait.
    void make_unused_lease() {
        api().must("POST", kLeases + name_space() + "/leases",
                   {{"metadata", {{"name", "test"}, {"annotations", {{"leasehold.io/unused", "true"}}}}}});
    }

    std::string renew_time() override {
        const auto answer = api().request("GET", kLeases + name_space() + "/leases/test");  // may fail meanwhile
        const auto spec =
            answer.status == 200 ? answer.json().value("spec", nlohmann::json::object()) : nlohmann::json();
        return spec.is_object() ? spec.value("renewTime", "") : "";
    }
    nlohmann::json lease() { return api().must("GET", kLeases + name_space() + "/leases/test"); }

    std::string store_with(const std::string& kubeconfig, const std::string& more = {}) const {
        return "kubernetes: {kubeconfig: " + kubeconfig + (more.empty() ? "" : ", " + more) + '}';
    }
};

}  // namespace leasehold::servers
