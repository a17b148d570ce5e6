// SPDX-License-Identifier: Apache-2.0
//
// Lock objects for the tests: as the server gives them, and as client-go changes them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "election/stores/kubernetes/lock_object.h"

namespace leasehold::stores::kubernetes {

inline constexpr KubernetesLock kLocks[] = {KubernetesLock::lease, KubernetesLock::endpoints,
                                            KubernetesLock::configmap};

inline ObjectName sample_name(KubernetesLock lock = KubernetesLock::lease) { return {lock, "prod", "billing", {}}; }

inline election::Record record_of_pod(std::int64_t seconds = 15) {
    election::Record record;
    record.holder = "pod-1_x";
    record.lease_duration = std::chrono::seconds(seconds);
    record.acquire_time_us = 1'715'000'000'000'000;
    record.renew_time_us = 1'715'000'004'000'000;
    record.transitions = 41;
    record.incarnation = "c0ffee";
    record.write_id = "7.1.42";
    return record;
}

// What the server makes of an object that it was sent: a further version of it, without nulls.
inline Json stored(Json object, std::uint64_t version = 1234) {
    object["metadata"]["uid"] = "1fa2-77";
    object["metadata"]["resourceVersion"] = std::to_string(version);
    return Json::parse(object.dump());
}

inline election::Snapshot decoded(KubernetesLock lock, const Json& object) {
    const DecodedObject decoded = decode_object(sample_name(lock), object);
    election::Snapshot none;
    none.problem = "no snapshot: " + decoded.problem;
    return decoded.snapshot.value_or(none);
}

// The object after client-go's Update() with a record of these fields; times as RFC 3339 with six digits of a second,
// which the annotation locks cut (client-go, tools/leaderelection/resourcelock). A Lease's spec is replaced as a whole,
// annotations that it does not know are kept.
struct LeaderElectionRecord {
    std::string holder;
    std::int64_t seconds = 0;
    std::string acquire_time, renew_time;
    std::uint64_t transitions = 0;
};

inline Json updated_by_client_go(KubernetesLock lock, Json object, const LeaderElectionRecord& record) {
    if (lock == KubernetesLock::lease) {
        object["spec"] = {{"holderIdentity", record.holder},
                          {"leaseDurationSeconds", record.seconds},
                          {"acquireTime", record.acquire_time},
                          {"renewTime", record.renew_time},
                          {"leaseTransitions", record.transitions}};
        return object;
    }
    const auto whole = [](const std::string& time) -> Json {
        return time.empty() ? Json() : Json(time.substr(0, 19) + "Z");
    };
    const Json annotation = {{"holderIdentity", record.holder},
                             {"leaseDurationSeconds", record.seconds},
                             {"acquireTime", whole(record.acquire_time)},
                             {"renewTime", whole(record.renew_time)},
                             {"leaderTransitions", record.transitions}};
    object["metadata"]["annotations"][kLeaderAnnotation] = annotation.dump();
    return object;
}

// Changes what stands in an object as the record, as `kubectl edit` would: the spec, or the annotation's JSON.
inline Json edited(KubernetesLock lock, Json object, const std::function<void(Json& record)>& edit) {
    if (lock == KubernetesLock::lease) {
        edit(object["spec"]);
        return object;
    }
    Json& annotation = object["metadata"]["annotations"][kLeaderAnnotation];
    Json record = Json::parse(annotation.get<std::string>());
    edit(record);
    annotation = record.dump();
    return object;
}

}  // namespace leasehold::stores::kubernetes
