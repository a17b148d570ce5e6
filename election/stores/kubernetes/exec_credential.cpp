// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/exec_credential.h"

#include "election/stores/json_fields.h"
#include "election/stores/rfc3339.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::kubernetes {
namespace {

using Json = nlohmann::json;

constexpr const char* kGroup = "client.authentication.k8s.io/";

// The error of a check of one field.
tl::unexpected<Error> unusable(const char* key, const Error& why) {
    return failure(std::string("printed a status.") + key + " that " + why.message);
}

Result<ExecCredential> parse_credential(const Json& status) {
    ExecCredential credential;
    std::string token;
    std::string certificate;
    std::string key;
    std::string expires;
    if (!text_in(status, "token", token) || !text_in(status, "clientCertificateData", certificate) ||
        !text_in(status, "clientKeyData", key) || !text_in(status, "expirationTimestamp", expires)) {
        return failure("printed a status with a field that is no text");
    }
    if (certificate.empty() != key.empty()) {
        return failure("printed only one of status.clientCertificateData and status.clientKeyData; it takes both");
    }
    if (token.empty() && key.empty()) {
        return failure("printed a status with neither a token nor a client certificate; is somebody logged in?");
    }
    if (!token.empty()) {
        const auto accepted = accept_token(token);
        if (!accepted) return unusable("token", accepted.error());
        credential.token = *accepted;
    }
    if (!key.empty()) {
        if (const auto accepted = accept_certificates(certificate); !accepted) {
            return unusable("clientCertificateData", accepted.error());
        }
        if (const auto accepted = accept_private_key(key); !accepted)
            return unusable("clientKeyData", accepted.error());
        credential.certificate_pem = certificate;
        credential.key_pem = key;
    }
    if (!expires.empty()) {
        credential.expires_us = parse_rfc3339(expires);
        if (!credential.expires_us) {
            return failure("printed the status.expirationTimestamp '" + shown(expires, 40) +
                           "', which is no RFC 3339 time");
        }
    }
    return credential;
}

}  // namespace

bool is_known_exec_version(const std::string& api_version) {
    for (const char* version : {"v1", "v1beta1", "v1alpha1"}) {
        if (api_version == std::string(kGroup) + version) return true;
    }
    return false;
}

std::string exec_info(const ExecCommand& command, const ClusterTarget& target, const std::string& ca_pem) {
    Json spec{{"interactive", false}};
    if (command.provide_cluster_info) {
        Json cluster{{"server", target.server}};
        if (!target.server_name.empty()) cluster["tls-server-name"] = target.server_name;
        if (!target.verify) cluster["insecure-skip-tls-verify"] = true;
        if (!ca_pem.empty()) cluster["certificate-authority-data"] = encode_base64(ca_pem);
        if (!target.proxy_url.empty()) cluster["proxy-url"] = target.proxy_url;
        if (!command.cluster_config.is_null()) cluster["config"] = command.cluster_config;
        spec["cluster"] = std::move(cluster);
    }
    const Json info{{"apiVersion", command.api_version}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}};
    return info.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ExecCredential> parse_exec_credential(const ExecCommand& command, const std::string& printed) {
    if (printed.find_first_not_of(" \t\r\n") == std::string::npos) return failure("printed nothing");
    const Json answer = parse_server_json(printed);
    if (!answer.is_object()) return failure("printed something that is not the JSON of an ExecCredential");
    std::string version;
    std::string kind;
    const bool has_version = text_in(answer, "apiVersion", version);
    if (!text_in(answer, "kind", kind) || !has_version || kind != "ExecCredential") {
        return failure("printed an object of kind '" + shown(kind, 60) + "' and not an ExecCredential");
    }
    if (version != command.api_version) {
        return failure("printed an ExecCredential of version '" + shown(version, 60) +
                       "', but the kubeconfig asks for '" + command.api_version +
                       "'; one of the two has to be changed");
    }
    const auto status = answer.find("status");
    if (status == answer.end() || !status->is_object()) return failure("printed an ExecCredential without a status");
    return parse_credential(*status);
}

}  // namespace leasehold::stores::kubernetes
