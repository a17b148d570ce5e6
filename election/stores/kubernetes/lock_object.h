// SPDX-License-Identifier: Apache-2.0
//
// The election's record in a Kubernetes object: in the spec of a Lease, or in an annotation of an Endpoints or a
// ConfigMap, as client-go writes it, so that its programs, kubectl and leader-elector read it.
//
// What client-go's record lacks stands in an annotation of our own, `leasehold.io/record`, which counts only while what
// was written with it still stands in the object (election/stores/kubernetes/record_annotation.h).
//
// Free at once (election::Record::released) is: a record of ours with the mark; client-go's release, which is no
// holder, a duration of one second and one time for both times (client-go, tools/leaderelection, release()), and in an
// annotation also the form that it had before 2020, without duration and times; and an object made ahead of the first
// start, with the annotation `leasehold.io/unused: "true"` and nothing of a record beside it.
//
// An object without a record, or whose holder was emptied by hand, is vacated. So is one with an empty text where the
// record should be, at which client-go gives up ("unexpected end of JSON input").
//
// Pure. Nothing here throws, whatever the object looks like.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "election/core/record.h"
#include "election/core/register.h"
#include "election/stores/kubernetes/options.h"

namespace leasehold::stores::kubernetes {

using Json = nlohmann::json;

inline constexpr const char* kRecordAnnotation = "leasehold.io/record";
inline constexpr const char* kUnusedAnnotation = "leasehold.io/unused";
inline constexpr const char* kLeaderAnnotation = "control-plane.alpha.kubernetes.io/leader";

// The kind of object, as the API spells it.
struct ObjectKind {
    std::string api_version;  // "coordination.k8s.io/v1", "v1"
    std::string api_group;    // "coordination.k8s.io", ""
    std::string kind;         // "Lease"
    std::string resource;     // "leases"

    // "/apis/coordination.k8s.io/v1/namespaces/NS/leases"
    std::string collection_path(const std::string& namespace_name) const;
};
ObjectKind kind_of(KubernetesLock lock);

// What identifies the object, for making it.
struct ObjectName {
    KubernetesLock lock = KubernetesLock::lease;
    std::string namespace_name;
    std::string name;
    Json owner;  // an ownerReference, or null
};

// The object as the register's state. Its version is the resourceVersion, a decimal number, with the uid as tag. An
// object of another kind or name, or without these two, is an error: it says nothing about the register. A member of a
// list, which has no kind, is taken for what was asked for.
struct DecodedObject {
    std::optional<election::Snapshot> snapshot;  // never absent
    std::string problem;                         // when there is none
};
DecodedObject decode_object(const ObjectName& name, const Json& object);

// The object to be created, or to take the place of `last`, which is how it was read: everything in it that is not the
// record's is kept (labels, unknown fields of the spec such as preferredHolder), and its resourceVersion and uid make
// the write conditional. metadata.managedFields are left out, which the server takes for "as they were".
// Durations are rounded up to whole seconds, numbers that the API has no room for are capped, text that is not UTF-8 is
// replaced, so that dump() does not throw. A released record shows no holder and a second, as client-go's does, so that
// its programs need not wait; holder and duration then stand in the annotation only.
Json encode_new(const ObjectName& name, const election::Record& record);
Json encode_update(const ObjectName& name, const Json& last, const election::Record& record);

// spec.preferredHolder of a Lease: for whom the coordinated election (KEP-4355) wants it to be given up. Empty if there
// is none.
std::string preferred_holder(const Json& object);

// The record as client-go wrote it into the annotation while it had these locks (up to Kubernetes 1.23), byte for byte:
// times in whole seconds, null for none, the order of the fields of its struct, '<', '>', '&', U+2028 and U+2029
// escaped as Go's encoding/json does.
std::string leader_annotation(const election::Record& record);

}  // namespace leasehold::stores::kubernetes
