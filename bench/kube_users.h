// SPDX-License-Identifier: Apache-2.0
//
// A namespace of an API server with a Lease in it that nobody has to wait for, and users of it, who may do everything
// and whom the audit log tells apart.
//
// Threads, blocking and errors are those of servers::KubeApi.
#pragma once

#include <memory>
#include <string>

#include <fmt/core.h>

#include "tests/servers/kube_api.h"

namespace leasehold::bench {

// The calling thread gets the nice value -15, and what it starts from then on.
void go_ahead_of_others();

// A store has its machine to itself: here it comes before its clients, and before whatever else keeps the processors
// busy.
std::unique_ptr<servers::KubeApi> start_api_ahead_of_others();

class KubeUsers {
public:
    // `prefix` makes the users' names different from those of other namespaces.
    KubeUsers(servers::KubeApi& api, const std::string& prefix, const std::string& lease = "test")
        : api_(api), namespace_(api.create_namespace()), prefix_(prefix + '-' + namespace_ + '-') {
        api_.must("POST", "/apis/coordination.k8s.io/v1/namespaces/" + namespace_ + "/leases",
                  {{"metadata", {{"name", lease}, {"annotations", {{"leasehold.io/unused", "true"}}}}}});
    }

    const std::string& name_space() const { return namespace_; }

    // The name that the audit log has.
    std::string user(const std::string& name) const { return prefix_ + name; }

    // A file. `port`: of a relay to go through; 0: none.
    std::string kubeconfig(const std::string& name, int port = 0) {
        return api_.kubeconfig(api_.client_certificate(user(name), {"system:masters"}), namespace_,
                               port == 0 ? "" : fmt::format("https://127.0.0.1:{}", port));
    }

private:
    servers::KubeApi& api_;
    const std::string namespace_;
    const std::string prefix_;
};

}  // namespace leasehold::bench
