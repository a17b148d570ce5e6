// SPDX-License-Identifier: Apache-2.0
//
// A cluster and a user of it as they are written down: what the service account and a kubeconfig have in common.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace leasehold::stores::kubernetes {

// A text, or the file that holds it and is read again when it changes. The file wins while it can be read.
struct TextOrFile {
    std::string text;
    std::string file;  // an absolute path

    bool empty() const { return text.empty() && file.empty(); }
    friend bool operator==(const TextOrFile&, const TextOrFile&) = default;
};

// A credential plugin (client.authentication.k8s.io).
struct ExecCommand {
    std::string api_version;
    std::string command;  // an absolute path, or a name to look for in $PATH
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> environment;  // added to ours
    std::string install_hint;
    bool provide_cluster_info = false;
    nlohmann::json cluster_config;  // the cluster's extension for plugins, or null

    friend bool operator==(const ExecCommand&, const ExecCommand&) = default;
};

struct ClusterTarget {
    std::string server;  // accept_server_url() took it
    TextOrFile ca;       // empty: what the system trusts
    bool verify = true;
    std::string server_name;
    std::string proxy_url;  // check_proxy_url() took it

    TextOrFile token;
    std::string basic;  // "name:password"
    TextOrFile certificate;
    TextOrFile key;
    std::optional<ExecCommand> exec;  // only where there is none of the four above

    friend bool operator==(const ClusterTarget&, const ClusterTarget&) = default;
};

}  // namespace leasehold::stores::kubernetes
