// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace leasehold::stores {

// Which object bears the record (docs/kubernetes.md).
enum class KubernetesLock { lease, endpoints, configmap };

// election.store.kubernetes
struct KubernetesOptions {
    KubernetesLock lock = KubernetesLock::lease;
    std::string name;            // of the object; empty means election.name
    std::string namespace_name;  // empty: of the service account, or of the kubeconfig's context, or "default"
    // A list of files as in $KUBECONFIG; empty: that variable, or the service account, or ~/.kube/config.
    std::string kubeconfig;
    std::string context;                           // of the kubeconfig; empty: its current-context
    std::string proxy_url;                         // empty: none, or the kubeconfig's. May hold a password
    bool proxy_from_environment = false;           // obey HTTPS_PROXY and NO_PROXY
    bool events = true;                            // write Events about the lock object
    std::string role_label = "leasehold.io/role";  // on the pod; empty: none
    std::string pod;                               // its name; empty: $POD_NAME, or in a cluster the host's name
    std::string owner;  // "apiVersion/kind/name/uid" of an object whose deletion takes the lock's with it
    bool service_account_only = false;  // look for no other credentials; no key, but a flag of leader-elector

    friend bool operator==(const KubernetesOptions&, const KubernetesOptions&) = default;
};

}  // namespace leasehold::stores
