// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/scripted_objects.h"

#include <utility>

#include <fmt/core.h>

namespace leasehold::servers {
namespace {

std::string name_in(const std::string& target) { return target.substr(target.rfind('/') + 1); }

std::string line(const std::string& type, const Objects::Json& object) {
    return Objects::Json{{"type", type}, {"object", object}}.dump() + '\n';
}

std::string parameter(const std::string& target, const std::string& key) {
    const std::size_t at = target.find(key + '=');
    if (at == std::string::npos) return {};
    const std::size_t begin = at + key.size() + 1;
    return target.substr(begin, target.find('&', begin) - begin);
}

}  // namespace

Objects::Answer Objects::error(int code, const std::string& reason, const std::string& message) {
    return {code,
            {{"kind", "Status"},
             {"apiVersion", "v1"},
             {"status", "Failure"},
             {"message", message},
             {"reason", reason},
             {"code", code}}};
}

Objects::Answer Objects::carry_out(const std::string& method, const std::string& target, const std::string& body) {
    if (method == "POST") return create(target, Json::parse(body));
    const Json* there = find(target);
    if (there == nullptr) {
        return error(404, "NotFound", fmt::format("leases.coordination.k8s.io \"{}\" not found", name_in(target)));
    }
    if (method == "PUT") return replace(target, Json::parse(body));
    return {200, *there};
}

Objects::Answer Objects::create(const std::string& collection, Json object) {
    const std::string name = object["metadata"]["name"];
    const std::string target = collection + '/' + name;
    if (find(target) != nullptr) {
        return error(409, "AlreadyExists", fmt::format("leases.coordination.k8s.io \"{}\" already exists", name));
    }
    put(target, std::move(object));
    return {201, *find(target)};
}

Objects::Answer Objects::replace(const std::string& target, Json object) {
    const Json& metadata = object["metadata"];
    const Json& there = (*find(target))["metadata"];
    if (metadata["resourceVersion"] != there["resourceVersion"] || metadata["uid"] != there["uid"]) {
        return error(409, "Conflict", "the object has been modified");
    }
    put(target, std::move(object));
    return {200, *find(target)};
}

const Objects::Json* Objects::find(const std::string& target) const {
    const auto found = objects_.find(target);
    return found == objects_.end() ? nullptr : &found->second;
}

void Objects::put(const std::string& target, Json object) {
    const Json* there = find(target);
    const bool is_new = there == nullptr;
    Json& metadata = object["metadata"];
    metadata["uid"] = is_new ? Json(fmt::format("uid-{}", ++uids_)) : (*there)["metadata"]["uid"];
    metadata["resourceVersion"] = std::to_string(++revision_);
    metadata["managedFields"] = Json::array({{{"manager", "somebody"}}});
    objects_[target] = object;
    history_.push_back({revision_, target, is_new ? "ADDED" : "MODIFIED", std::move(object)});
}

void Objects::remove(const std::string& target) {
    Json object = objects_.at(target);
    objects_.erase(target);
    object["metadata"]["resourceVersion"] = std::to_string(++revision_);
    history_.push_back({revision_, target, "DELETED", std::move(object)});
}

void Objects::take_back(std::uint64_t revision) {
    revision_ = revision;
    history_.clear();
    for (auto& [target, object] : objects_) object["metadata"]["resourceVersion"] = std::to_string(revision);
}

Objects::Watch::Watch(const Objects& objects, const std::string& target)
    : objects_(objects), position_(objects.revision_) {
    const std::string selector = parameter(target, "fieldSelector");
    target_ = target.substr(0, target.find('?')) + '/' + selector.substr(selector.rfind("%3D") + 3);
    const std::string version = parameter(target, "resourceVersion");
    if (version.empty()) {
        if (const Json* object = objects.find(target_)) first_.push_back(line("ADDED", *object));
    } else if (std::stoull(version) < objects.forgotten_) {
        first_.push_back(line("ERROR", error(410, "Expired", "too old resource version").body));
    } else {
        position_ = std::stoull(version);
    }
}

std::vector<std::string> Objects::Watch::read() {
    std::vector<std::string> lines = std::exchange(first_, {});
    for (const Event& event : objects_.history_) {
        if (event.revision <= position_ || event.target != target_) continue;
        position_ = event.revision;
        lines.push_back(line(event.type, event.object));
    }
    return lines;
}

}  // namespace leasehold::servers
