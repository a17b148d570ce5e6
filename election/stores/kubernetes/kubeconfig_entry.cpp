// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/kubeconfig_entry.h"

#include <algorithm>
#include <array>

#include "election/stores/kubernetes/exec_credential.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::kubernetes {
namespace {

using Json = nlohmann::json;

constexpr const char* kExecExtension = "client.authentication.k8s.io/exec";

// The list of texts under `key`.
std::vector<std::string> texts_of(FieldReader& reader, const char* key) {
    std::vector<std::string> texts;
    const Json* const list = reader.child(key);
    if (list == nullptr) return texts;
    if (!list->is_array()) reader.refuse(std::string("`exec.") + key + "` must be a list");
    for (const Json& item : *list) {
        if (!item.is_string()) {
            reader.refuse(std::string("`exec.") + key + "` must hold texts");
            return {};
        }
        texts.push_back(item.get<std::string>());
    }
    return texts;
}

std::vector<std::pair<std::string, std::string>> variables_of(const KubeconfigEntry& user, FieldReader& reader) {
    std::vector<std::pair<std::string, std::string>> variables;
    const Json* const list = reader.child("env");
    if (list == nullptr) return variables;
    if (!list->is_array()) reader.refuse("`exec.env` must be a list");
    for (const Json& item : *list) {
        if (!item.is_object()) {
            reader.refuse("`exec.env` must hold pairs of `name` and `value`");
            return {};
        }
        FieldReader pair(user, item, "exec.env.");
        std::string name = pair.text("name");
        std::string value = pair.text("value");
        if (pair.problem()) reader.refuse("`exec.env` must hold pairs of `name` and `value`, both texts");
        if (name.empty() || name.find('=') != std::string::npos) {
            reader.refuse("`exec.env` holds a variable without a name, or with '=' in it");
        }
        variables.emplace_back(std::move(name), std::move(value));
    }
    return variables;
}

// What the cluster's entry says for plugins only: extensions[client.authentication.k8s.io/exec].
Json cluster_config_of(const KubeconfigEntry& cluster) {
    const auto extensions = cluster.value.find("extensions");
    if (extensions == cluster.value.end() || !extensions->is_array()) return nullptr;
    for (const Json& item : *extensions) {
        if (item.is_object() && item.value("name", Json()) == kExecExtension) return item.value("extension", Json());
    }
    return nullptr;
}

bool holds_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

bool holds_nul(const ExecCommand& command) {
    return holds_nul(command.command) ||
           std::any_of(command.arguments.begin(), command.arguments.end(),
                       [](const std::string& argument) { return holds_nul(argument); }) ||
           std::any_of(command.environment.begin(), command.environment.end(),
                       [](const auto& variable) { return holds_nul(variable.first) || holds_nul(variable.second); });
}

}  // namespace

std::string beside(const std::string& file, const std::string& path) {
    return path.starts_with('/') ? path : file.substr(0, file.rfind('/') + 1) + path;
}

std::string KubeconfigEntry::title() const { return kind + " '" + shown(name) + "' in " + file; }

void FieldReader::refuse(const std::string& what) {
    if (!problem_) problem_ = Error{entry_.title() + ": " + what};
}

const Json* FieldReader::child(const char* key) {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool FieldReader::has(const char* key) const {
    const auto found = object_.find(key);
    return found != object_.end() && !found->is_null() && *found != "";
}

std::string FieldReader::text(const char* key) {
    const Json* const found = child(key);
    if (found == nullptr) return "";
    if (found->is_string()) return found->get<std::string>();
    refuse(name_of(key) + " must be a text");
    return "";
}

bool FieldReader::truth(const char* key) {
    const std::string written = text(key);
    for (const char* yes : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
        if (written == yes) return true;
    }
    for (const char* no : {"", "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
        if (written == no) return false;
    }
    refuse(name_of(key) + " must be true or false");
    return false;
}

std::string FieldReader::path(const char* key) {
    const std::string written = text(key);
    if (holds_nul(written)) refuse(name_of(key) + " is no path");
    return written.empty() ? "" : beside(entry_.file, written);
}

std::string FieldReader::base64(const char* key) {
    auto bytes = decode_base64(text(key));
    if (bytes) return std::move(*bytes);
    refuse(name_of(key) + " is not base64");
    return "";
}

TextOrFile FieldReader::text_or_file(const std::string& key) {
    const std::string data_key = key + "-data";
    if (has(key.c_str()) && has(data_key.c_str())) {
        refuse(name_of(key.c_str()) + " and " + name_of(data_key.c_str()) + " exclude each other; remove one");
    }
    return {base64(data_key.c_str()), path(key.c_str())};
}

Result<ExecCommand> read_exec(const KubeconfigEntry& user, const Json& exec, const KubeconfigEntry& cluster) {
    FieldReader reader(user, exec, "exec.");
    if (!exec.is_object()) reader.refuse("`exec` must be a mapping");
    ExecCommand command;
    command.api_version = reader.text("apiVersion");
    command.command = reader.text("command");
    if (command.command.find('/') != std::string::npos) command.command = beside(user.file, command.command);
    command.arguments = texts_of(reader, "args");
    command.environment = variables_of(user, reader);
    command.install_hint = reader.text("installHint");
    command.provide_cluster_info = reader.truth("provideClusterInfo");
    command.cluster_config = cluster_config_of(cluster);
    const std::string interactive = reader.text("interactiveMode");
    if (command.command.empty()) reader.refuse("`exec.command` is missing");
    if (!is_known_exec_version(command.api_version)) {
        reader.refuse("`exec.apiVersion` '" + shown(command.api_version) +
                      "' is not known; it has to be client.authentication.k8s.io/v1, /v1beta1 or /v1alpha1");
    }
    if (interactive == "Always") {
        reader.refuse(
            "the plugin " + shown(command.command) +
            " asks questions at a terminal (`exec.interactiveMode` is Always), and nobody is there to answer");
    }
    if (!interactive.empty() && interactive != "Never" && interactive != "IfAvailable") {
        reader.refuse("`exec.interactiveMode` must be Never, IfAvailable or Always");
    }
    if (holds_nul(command)) reader.refuse("`exec` holds a text with a NUL character");
    if (reader.problem()) return tl::unexpected<Error>(*reader.problem());
    return command;
}

}  // namespace leasehold::stores::kubernetes
