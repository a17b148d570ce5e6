// SPDX-License-Identifier: Apache-2.0
//
// One entry of a kubeconfig, read field by field. Pure.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "election/stores/kubernetes/cluster_target.h"

namespace leasehold::stores::kubernetes {

// A named entry: nlohmann::json as parse_yaml_document() makes it.
struct KubeconfigEntry {
    std::string kind;  // "cluster", "user", "context"
    std::string name;
    std::string file;      // that it stands in: an absolute path
    nlohmann::json value;  // an object

    std::string title() const;  // "user 'dev' in /root/.kube/config"
};

// Reads fields; the first that is wrong makes problem(), and everything read after it does not matter.
class FieldReader {
public:
    explicit FieldReader(const KubeconfigEntry& entry) : FieldReader(entry, entry.value, "") {}
    // The same for an object inside of the entry.
    FieldReader(const KubeconfigEntry& entry, const nlohmann::json& object, std::string prefix)
        : entry_(entry), object_(object), prefix_(std::move(prefix)) {}

    std::string text(const char* key);  // empty when it is not there
    bool truth(const char* key);
    std::string path(const char* key);    // relative to the file's folder
    std::string base64(const char* key);  // decoded
    // Out of `key` or `key`-data; both together are an error.
    TextOrFile text_or_file(const std::string& key);
    const nlohmann::json* child(const char* key);  // null when it is not there
    bool has(const char* key) const;

    void refuse(const std::string& what);  // "<title>: <what>"
    const std::optional<Error>& problem() const { return problem_; }

private:
    std::string name_of(const char* key) const { return "`" + prefix_ + key + "`"; }

    const KubeconfigEntry& entry_;
    const nlohmann::json& object_;
    std::string prefix_;
    std::optional<Error> problem_;
};

// Joined to the folder of `file` unless it is absolute.
std::string beside(const std::string& file, const std::string& path);

// The `exec` part of a user. `cluster` is where a plugin's own configuration for the cluster stands.
Result<ExecCommand> read_exec(const KubeconfigEntry& user, const nlohmann::json& exec, const KubeconfigEntry& cluster);

}  // namespace leasehold::stores::kubernetes
