// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/lock_object.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/whole_number.h"
#include "election/stores/json_fields.h"
#include "election/stores/kubernetes/go_json.h"
#include "election/stores/kubernetes/record_annotation.h"
#include "election/stores/rfc3339.h"

namespace leasehold::stores::kubernetes {
namespace {

using election::Presence;
using election::Record;
using election::Snapshot;

// Makes an object of a member that is to be filled in, whatever it was.
Json& object_in(Json& object, const char* key) {
    Json& value = object[key];
    if (!value.is_object()) value = Json::object();
    return value;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

std::optional<std::string> annotation_of(const Json& object, const char* key) {
    const Json& value = member(member(member(object, "metadata"), "annotations"), key);
    if (!value.is_string()) return std::nullopt;
    return value.get<std::string>();
}

// A positive decimal number of 64 bits. The API calls a resourceVersion opaque, but it is the revision of etcd, and
// nothing else could be a fencing token.
std::optional<std::uint64_t> version_number(const std::string& text) {
    return text.starts_with('0') ? std::nullopt : whole_number<std::uint64_t>(text);
}

// What is wrong with the object's identity; empty if nothing is.
std::string mistaken_identity(const ObjectName& name, const Json& object) {
    const ObjectKind kind = kind_of(name.lock);
    if (!object.is_object() || !member(object, "metadata").is_object()) {
        return fmt::format("what the server sent is no {}: it has no metadata", kind.kind);
    }
    // Members of a list have no type of their own.
    const auto differs = [](const Json& value, const std::string& wanted) {
        return !value.is_null() && text_of(value) != wanted;
    };
    if (differs(member(object, "kind"), kind.kind) || differs(member(object, "apiVersion"), kind.api_version)) {
        return fmt::format("what the server sent is no {} of {} but {} of {}", kind.kind, kind.api_version,
                           member(object, "kind").dump(-1, ' ', false, Json::error_handler_t::replace),
                           member(object, "apiVersion").dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    const Json& metadata = member(object, "metadata");
    const std::string found = text_of(member(metadata, "namespace")) + '/' + text_of(member(metadata, "name"));
    const std::string wanted = name.namespace_name + '/' + name.name;
    if (found != wanted) return fmt::format("the server sent {} {} instead of {}", kind.kind, found, wanted);
    if (!version_number(text_of(member(metadata, "resourceVersion")))) {
        return fmt::format("the server sent {} {} with a metadata.resourceVersion that is not a positive number",
                           kind.kind, found);
    }
    if (text_of(member(metadata, "uid")).empty()) {
        return fmt::format("the server sent {} {} without a metadata.uid", kind.kind, found);
    }
    return "";
}

// Whether there is nothing of a record in the object, not even of a damaged one.
bool bears_nothing(KubernetesLock lock, const Json& object) {
    const Json& annotations = member(member(object, "metadata"), "annotations");
    if (!member(annotations, kRecordAnnotation).is_null()) return false;
    if (lock != KubernetesLock::lease) return member(annotations, kLeaderAnnotation).is_null();
    const Json& spec = member(object, "spec");
    if (!spec.is_object()) return spec.is_null();
    for (const char* key : {"holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime", "leaseTransitions"}) {
        if (!member(spec, key).is_null()) return false;
    }
    return true;
}

ShownRecord shown_in(KubernetesLock lock, const Json& object, std::string& problem) {
    if (lock == KubernetesLock::lease) {
        const Json& spec = member(object, "spec");
        if (spec.is_object()) return shown_in_spec(spec, problem);
        if (!spec.is_null()) problem = "its spec is not an object";
        return {};
    }
    const Json& value = member(member(member(object, "metadata"), "annotations"), kLeaderAnnotation);
    if (!value.is_null() && !value.is_string()) problem = "its leader annotation is not a string";
    return shown_in_annotation(text_of(value), problem);
}

std::string leader_json(const ShownRecord& shown) {
    const auto time = [](const std::string& text) { return text.empty() ? "null" : go_json_string(text); };
    return fmt::format(R"({{"holderIdentity":{},"leaseDurationSeconds":{},"acquireTime":{},"renewTime":{},)"
                       R"("leaderTransitions":{}}})",
                       go_json_string(shown.holder),
                       std::chrono::duration_cast<std::chrono::seconds>(*shown.lease_duration).count(),
                       time(shown.acquire_time), time(shown.renew_time), shown.transitions);
}

void show_in_spec(const ShownRecord& shown, Json& spec) {
    const auto time = [&](const char* key, const std::string& text) {
        spec.erase(key);
        if (!text.empty()) spec[key] = text;
    };
    spec["holderIdentity"] = shown.holder;
    spec["leaseDurationSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(*shown.lease_duration).count();
    spec["leaseTransitions"] = shown.transitions;
    time("acquireTime", shown.acquire_time);
    time("renewTime", shown.renew_time);
}

void put_record(KubernetesLock lock, const Record& record, Json& object) {
    const bool in_spec = lock == KubernetesLock::lease;
    const ShownRecord shown = shown_for(record, in_spec ? format_rfc3339 : format_rfc3339_seconds);
    Json& annotations = object_in(object_in(object, "metadata"), "annotations");
    annotations[kRecordAnnotation] = record_annotation(record, shown);
    if (in_spec) {
        show_in_spec(shown, object_in(object, "spec"));
    } else {
        annotations[kLeaderAnnotation] = leader_json(shown);
    }
}

void put_identity(const ObjectName& name, Json& object) {
    const ObjectKind kind = kind_of(name.lock);
    object["apiVersion"] = kind.api_version;
    object["kind"] = kind.kind;
    Json& metadata = object_in(object, "metadata");
    metadata["name"] = name.name;
    metadata["namespace"] = name.namespace_name;
}

}  // namespace

std::string ObjectKind::collection_path(const std::string& namespace_name) const {
    const std::string root = api_group.empty() ? "/api/" : "/apis/";
    return root + api_version + "/namespaces/" + namespace_name + '/' + resource;
}

ObjectKind kind_of(KubernetesLock lock) {
    switch (lock) {
        case KubernetesLock::endpoints: return {"v1", "", "Endpoints", "endpoints"};
        case KubernetesLock::configmap: return {"v1", "", "ConfigMap", "configmaps"};
        case KubernetesLock::lease: break;
    }
    return {"coordination.k8s.io/v1", "coordination.k8s.io", "Lease", "leases"};
}

DecodedObject decode_object(const ObjectName& name, const Json& object) {
    DecodedObject decoded;
    decoded.problem = mistaken_identity(name, object);
    if (!decoded.problem.empty()) return decoded;

    const Json& metadata = member(object, "metadata");
    Snapshot& snapshot = decoded.snapshot.emplace();
    snapshot.version.number = *version_number(text_of(member(metadata, "resourceVersion")));
    snapshot.version.tag = text_of(member(metadata, "uid"));
    if (name.lock == KubernetesLock::lease) snapshot.preferred_holder = preferred_holder(object);
    if (bears_nothing(name.lock, object)) {
        snapshot.presence = Presence::vacated;
        snapshot.never_written = annotation_of(object, kUnusedAnnotation) == "true";
        return decoded;
    }
    const ShownRecord shown = shown_in(name.lock, object, snapshot.problem);
    read_record(shown, annotation_of(object, kRecordAnnotation), snapshot);
    return decoded;
}

std::string preferred_holder(const Json& object) {
    const Json& spec = member(object, "spec");
    if (!spec.is_object()) return "";
    std::string problem;
    JsonFields fields(spec, "spec.", problem);
    return fields.has("preferredHolder") ? fields.text("preferredHolder") : "";
}

Json encode_new(const ObjectName& name, const Record& record) {
    Json object = Json::object();
    put_identity(name, object);
    if (name.owner.is_object()) object["metadata"]["ownerReferences"] = Json::array({name.owner});
    put_record(name.lock, record, object);
    return object;
}

Json encode_update(const ObjectName& name, const Json& last, const Record& record) {
    Json object = last.is_object() ? last : Json::object();
    put_identity(name, object);
    object["metadata"].erase("managedFields");
    put_record(name.lock, record, object);
    return object;
}

std::string leader_annotation(const Record& record) { return leader_json(shown_for(record, format_rfc3339_seconds)); }

}  // namespace leasehold::stores::kubernetes
