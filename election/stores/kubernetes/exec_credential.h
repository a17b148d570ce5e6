// SPDX-License-Identifier: Apache-2.0
//
// What a credential plugin is told and what it answers: ExecCredential of client.authentication.k8s.io, v1, v1beta1
// and v1alpha1 (client-go, pkg/apis/clientauthentication). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "election/stores/http/client.h"
#include "election/stores/kubernetes/cluster_target.h"

namespace leasehold::stores::kubernetes {

bool is_known_exec_version(const std::string& api_version);

// The value of $KUBERNETES_EXEC_INFO. `ca_pem` and the target's cluster are in it only if the plugin is to have them.
std::string exec_info(const ExecCommand& command, const ClusterTarget& target, const std::string& ca_pem);

// Secrets all of it.
struct ExecCredential {
    std::string token;
    std::string certificate_pem;
    std::string key_pem;
    std::optional<std::int64_t> expires_us;  // since 1970

    bool same_secrets(const ExecCredential& other) const {
        return token == other.token && certificate_pem == other.certificate_pem && key_pem == other.key_pem;
    }
};

// Out of what the plugin printed. The error completes "<command> ..." and shows nothing of it but version and kind.
Result<ExecCredential> parse_exec_credential(const ExecCommand& command, const std::string& printed);

}  // namespace leasehold::stores::kubernetes
