// SPDX-License-Identifier: Apache-2.0
//
// The cluster that our pod runs in, and its service account: client-go, rest/config.go, InClusterConfig().
//
// Blocking: namespace_of_service_account() reads a small local file.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "election/stores/kubernetes/cluster_target.h"

namespace leasehold::stores::kubernetes {

// Out of $KUBERNETES_SERVICE_HOST, $KUBERNETES_SERVICE_PORT and the folder of the service account.
Result<ClusterTarget> in_cluster_target(
    const std::function<std::optional<std::string>(const std::string&)>& environment,
    const std::string& service_account);

// What to do when a file of that folder cannot be used.
std::string service_account_advice();

// Nothing when there is no such file. An error when it holds no name of a namespace.
Result<std::optional<std::string>> namespace_of_service_account(const std::string& service_account);

}  // namespace leasehold::stores::kubernetes
