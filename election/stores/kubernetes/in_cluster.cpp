// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/in_cluster.h"

#include "election/stores/secret_text.h"
#include "election/stores/watched_file.h"

namespace leasehold::stores::kubernetes {

Result<ClusterTarget> in_cluster_target(
    const std::function<std::optional<std::string>(const std::string&)>& environment,
    const std::string& service_account) {
    const std::string host = environment("KUBERNETES_SERVICE_HOST").value_or("");
    const std::string port = environment("KUBERNETES_SERVICE_PORT").value_or("");
    if (port.empty()) {
        return failure(
            "KUBERNETES_SERVICE_HOST is set but KUBERNETES_SERVICE_PORT is not; Kubernetes sets both in a pod, and "
            "outside of one unset the first or name a kubeconfig");
    }
    const bool is_ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
    auto server = accept_server_url("https://" + (is_ipv6 ? "[" + host + "]" : host) + ":" + port);
    if (!server || server->find('/', 8) != std::string::npos) {
        return failure("KUBERNETES_SERVICE_HOST '" + shown(host) + "' and KUBERNETES_SERVICE_PORT '" + shown(port) +
                       "' are no address and port; Kubernetes sets both in a pod");
    }
    ClusterTarget target;
    target.server = *server;
    target.ca.file = service_account + "/ca.crt";
    target.token.file = service_account + "/token";
    return target;
}

std::string service_account_advice() {
    return "; the pod's service account is mounted there unless automountServiceAccountToken is false in the pod or in "
           "the ServiceAccount";
}

Result<std::optional<std::string>> namespace_of_service_account(const std::string& service_account) {
    const std::string path = service_account + "/namespace";
    const auto text = read_small_file(path);
    if (!text && (text.error().code == ENOENT || text.error().code == ENOTDIR)) return std::nullopt;
    if (!text) return tl::unexpected<Error>(text.error());
    const std::string name = text->substr(0, text->find_last_not_of(" \t\r\n") + 1);
    if (!is_dns_label(name)) return failure(path + " holds no name of a namespace");
    return name;
}

}  // namespace leasehold::stores::kubernetes
