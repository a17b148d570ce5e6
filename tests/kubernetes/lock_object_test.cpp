// SPDX-License-Identifier: Apache-2.0
//
// The record in an object: written and read again, in objects of all kinds, good and bad.
#include "election/stores/kubernetes/lock_object.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/kubernetes/lock_samples.h"

namespace leasehold::stores::kubernetes {
namespace {

using election::Presence;
using election::Record;
using election::Snapshot;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LockObject, KnowsTheKinds) {
    EXPECT_EQ(kind_of(KubernetesLock::lease).collection_path("prod"),
              "/apis/coordination.k8s.io/v1/namespaces/prod/leases");
    EXPECT_EQ(kind_of(KubernetesLock::endpoints).collection_path("prod"), "/api/v1/namespaces/prod/endpoints");
    EXPECT_EQ(kind_of(KubernetesLock::configmap).collection_path("prod"), "/api/v1/namespaces/prod/configmaps");
    EXPECT_EQ(kind_of(KubernetesLock::lease).api_group, "coordination.k8s.io");
    EXPECT_EQ(kind_of(KubernetesLock::endpoints).kind, "Endpoints");
    EXPECT_EQ(kind_of(KubernetesLock::configmap).api_group, "");
}

TEST(LockObject, ALeaseLooksAsClientGoWritesIt) {
    Record record = record_of_pod();
    record.acquire_time_us += 123'456;
    const Json lease = encode_new(sample_name(), record);
    EXPECT_EQ(lease["apiVersion"], "coordination.k8s.io/v1");
    EXPECT_EQ(lease["kind"], "Lease");
    EXPECT_EQ(lease["metadata"]["name"], "billing");
    EXPECT_EQ(lease["metadata"]["namespace"], "prod");
    EXPECT_EQ(lease["spec"], Json::parse(R"({"holderIdentity":"pod-1_x","leaseDurationSeconds":15,"leaseTransitions":41,
        "acquireTime":"2024-05-06T12:53:20.123456Z","renewTime":"2024-05-06T12:53:24.000000Z"})"));
    EXPECT_EQ(lease["metadata"]["annotations"].size(), 1U);
    EXPECT_EQ(lease["metadata"]["annotations"][kRecordAnnotation],
              R"({"format":1,"incarnation":"c0ffee","writeId":"7.1.42","released":false,"holderIdentity":"pod-1_x",)"
              R"("leaseDurationSeconds":15,"of":"72b7c05a2bddd7d9"})");
    EXPECT_FALSE(lease["metadata"].contains("ownerReferences"));
    EXPECT_FALSE(lease["metadata"].contains("resourceVersion"));
}

TEST(LockObject, AnAnnotationLockHoldsNothingElse) {
    const Json endpoints = encode_new(sample_name(KubernetesLock::endpoints), record_of_pod());
    EXPECT_FALSE(endpoints.contains("subsets"));
    EXPECT_FALSE(endpoints.contains("spec"));
    EXPECT_FALSE(encode_new(sample_name(KubernetesLock::configmap), record_of_pod()).contains("data"));
}

TEST(LockObject, WhatIsWrittenIsReadAgain) {
    for (const KubernetesLock lock : kLocks) {
        Record record = record_of_pod();
        for (const char* holder : {"pod-1_x", "ä€😀", "a\"b\\c/<>&", "\xe2\x80\xa8\xe2\x80\xa9", " ", "{}", "null"}) {
            record.holder = holder;
            record.released = false;
            const Snapshot held = decoded(lock, stored(encode_new(sample_name(lock), record)));
            EXPECT_EQ(held.presence, Presence::present) << held.problem;
            EXPECT_EQ(held.record, record);
            EXPECT_EQ(held.version, (election::Version{1234, "1fa2-77"}));
            record.released = true;
            const Snapshot released = decoded(lock, stored(encode_new(sample_name(lock), record)));
            EXPECT_EQ(released.presence, Presence::present) << released.problem;
            EXPECT_EQ(released.record, record);
        }
        Record unset;  // as `leasehold init` makes it, without times
        unset.lease_duration = seconds(15);
        unset.released = true;
        EXPECT_EQ(decoded(lock, stored(encode_new(sample_name(lock), unset))).record, unset);
        EXPECT_EQ(decoded(lock, stored(encode_new(sample_name(lock), unset))).presence, Presence::present);
    }
}

TEST(LockObject, ALeaseKeepsMicroseconds) {
    Record record = record_of_pod();
    record.acquire_time_us += 1;
    record.renew_time_us += 999'999;
    EXPECT_EQ(decoded(KubernetesLock::lease, stored(encode_new(sample_name(), record))).record, record);
}

TEST(LockObject, AReleaseLooksLikeClientGosButIsOurs) {
    for (const KubernetesLock lock : kLocks) {
        Record record = record_of_pod();
        record.released = true;
        const Json object = stored(encode_new(sample_name(lock), record));
        edited(lock, object, [](const Json& shown) {
            EXPECT_EQ(shown["holderIdentity"], "");
            EXPECT_EQ(shown["leaseDurationSeconds"], 1);
        });
        EXPECT_EQ(decoded(lock, object).record, record);
    }
}

TEST(LockObject, FitsNumbersIntoThoseOfTheApi) {
    Record record = record_of_pod();
    record.lease_duration = milliseconds(1500);
    record.transitions = UINT64_MAX;
    const Json lease = encode_new(sample_name(), record);
    EXPECT_EQ(lease["spec"]["leaseDurationSeconds"], 2);
    EXPECT_EQ(lease["spec"]["leaseTransitions"], INT32_MAX);
    EXPECT_EQ(decoded(KubernetesLock::lease, stored(lease)).record.lease_duration, seconds(2));
    for (const Duration odd : {Duration::zero(), Duration(-1), Duration::max(), Duration::min()}) {
        record.lease_duration = odd;
        const Snapshot snapshot = decoded(KubernetesLock::lease, stored(encode_new(sample_name(), record)));
        EXPECT_EQ(snapshot.presence, Presence::present) << snapshot.problem;
    }
}

TEST(LockObject, TimesThatNoTextCanExpressAreLeftOut) {
    Record record = record_of_pod();
    record.acquire_time_us = INT64_MAX;
    record.renew_time_us = 0;
    const Json lease = stored(encode_new(sample_name(), record));
    EXPECT_FALSE(lease["spec"].contains("acquireTime"));
    EXPECT_FALSE(lease["spec"].contains("renewTime"));
    EXPECT_EQ(decoded(KubernetesLock::lease, lease).record.incarnation, "c0ffee");
    EXPECT_FALSE(
        encode_update(sample_name(), stored(encode_new(sample_name(), record_of_pod())), record)["spec"].contains(
            "renewTime"));
}

TEST(LockObject, NeverThrowsOnAnIdentityThatIsNotUtf8) {
    for (const KubernetesLock lock : kLocks) {
        Record record = record_of_pod();
        record.holder = "a\xff\xc0\x80z";
        record.incarnation = "\xed\xa0\x80";
        const Snapshot snapshot = decoded(lock, stored(encode_new(sample_name(lock), record)));
        EXPECT_EQ(snapshot.record.holder, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
        EXPECT_EQ(snapshot.record.write_id, "7.1.42");
    }
}

TEST(LockObject, AnUpdateKeepsWhatIsNotTheRecords) {
    const Json lease = Json::parse(R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{
        "name":"billing","namespace":"prod","uid":"1fa2-77","resourceVersion":"99","generation":4,
        "creationTimestamp":"2024-05-06T12:53:20Z","labels":{"team":"a"},"finalizers":["x/y"],
        "annotations":{"leasehold.io/unused":"true","other":"o"},"ownerReferences":[{"uid":"u"}],
        "managedFields":[{"manager":"kubectl"}]},
        "spec":{"preferredHolder":"b","strategy":"OldestEmulationVersion","holderIdentity":"old","unknown":[1]}})");
    Json expected = lease;
    expected["metadata"].erase("managedFields");
    const Json fresh = encode_new(sample_name(), record_of_pod());
    expected["metadata"]["annotations"][kRecordAnnotation] = fresh["metadata"]["annotations"][kRecordAnnotation];
    expected["spec"].update(fresh["spec"]);
    EXPECT_EQ(encode_update(sample_name(), lease, record_of_pod()), expected);
    EXPECT_EQ(decoded(KubernetesLock::lease, lease).preferred_holder, "b");
    EXPECT_EQ(preferred_holder(expected), "b");

    const Json endpoints = Json::parse(R"({"kind":"Endpoints","metadata":{"name":"billing","namespace":"prod",
        "uid":"1fa2-77","resourceVersion":"99"},"subsets":[{"addresses":[{"ip":"10.0.0.1"}],"ports":[{"port":1}]}]})");
    const Json updated = encode_update(sample_name(KubernetesLock::endpoints), endpoints, record_of_pod());
    EXPECT_EQ(updated["subsets"], endpoints["subsets"]);
    EXPECT_EQ(updated["metadata"]["resourceVersion"], "99");
    EXPECT_EQ(updated["metadata"]["uid"], "1fa2-77");
    EXPECT_EQ(updated["apiVersion"], "v1");

    const Json configmap = Json::parse(R"({"metadata":{"annotations":null},"data":{"k":"v"},"immutable":false})");
    EXPECT_EQ(encode_update(sample_name(KubernetesLock::configmap), configmap, record_of_pod())["data"],
              configmap["data"]);
}

TEST(LockObject, AnOwnerIsSetAtTheBeginningOnly) {
    ObjectName name = sample_name();
    name.owner = {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "billing"}, {"uid", "5"}};
    EXPECT_EQ(encode_new(name, record_of_pod())["metadata"]["ownerReferences"], Json::array({name.owner}));
    const Json last = stored(encode_new(sample_name(), record_of_pod()));
    EXPECT_FALSE(encode_update(name, last, record_of_pod())["metadata"].contains("ownerReferences"));
}

TEST(LockObject, PreferredHolderIsEmptyWhenThereIsNone) {
    for (const char* object : {"null", "3", "{}", R"({"spec":3})", R"({"spec":{}})",
                               R"({"spec":{"preferredHolder":null}})", R"({"spec":{"preferredHolder":3}})",
                               R"({"spec":{"preferredHolder":"a\nb"}})", R"({"spec":{"preferredHolder":""}})"}) {
        EXPECT_EQ(preferred_holder(Json::parse(object)), "") << object;
    }
}

// An object without a record of the given kind.
Json bare(KubernetesLock lock) {
    Json object = {{"metadata", {{"name", "billing"}, {"namespace", "prod"}}}};
    if (lock == KubernetesLock::endpoints) object["subsets"] = Json::array();
    if (lock == KubernetesLock::configmap) object["data"] = {{"k", "v"}};
    return stored(object);
}

TEST(LockObject, WithoutARecordItIsVacatedOrUnused) {
    for (const KubernetesLock lock : kLocks) {
        Json object = bare(lock);
        EXPECT_EQ(decoded(lock, object).presence, Presence::vacated);
        EXPECT_FALSE(decoded(lock, object).never_written);
        EXPECT_EQ(decoded(lock, object).record, Record());
        object["spec"] = Json::object();
        EXPECT_EQ(decoded(lock, object).presence, Presence::vacated);
        Json& annotations = object["metadata"]["annotations"];
        annotations[kUnusedAnnotation] = "true";
        EXPECT_EQ(decoded(lock, object).presence, Presence::vacated);
        EXPECT_TRUE(decoded(lock, object).never_written);
        EXPECT_EQ(decoded(lock, object).record, Record());

        // Anything of a record, even a damaged one, means that it was used.
        for (const char* remains : {"", "x", "{}"}) {
            Json used = object;
            used["metadata"]["annotations"][kRecordAnnotation] = remains;
            EXPECT_EQ(decoded(lock, used).presence, Presence::vacated) << remains;
            EXPECT_FALSE(decoded(lock, used).never_written) << remains;
        }
        for (const Json& mark : {Json("false"), Json(""), Json(true), Json(nullptr)}) {
            annotations[kUnusedAnnotation] = mark;
            EXPECT_EQ(decoded(lock, object).presence, Presence::vacated);
            EXPECT_FALSE(decoded(lock, object).never_written) << mark;
        }
    }
    Json lease = bare(KubernetesLock::lease);
    lease["metadata"]["annotations"][kUnusedAnnotation] = "true";
    lease["spec"]["preferredHolder"] = "b";
    EXPECT_TRUE(decoded(KubernetesLock::lease, lease).never_written);
    lease["spec"]["leaseTransitions"] = 3;
    EXPECT_FALSE(decoded(KubernetesLock::lease, lease).never_written);

    Json configmap = bare(KubernetesLock::configmap);
    configmap["metadata"]["annotations"] = {{kUnusedAnnotation, "true"}, {kLeaderAnnotation, ""}};
    EXPECT_EQ(decoded(KubernetesLock::configmap, configmap).presence, Presence::vacated);
    EXPECT_FALSE(decoded(KubernetesLock::configmap, configmap).never_written);
}

struct Wrong {
    std::string at;     // JSON pointer
    std::string value;  // JSON, or empty to erase it
    std::string problem;
};

Json with(Json object, const Wrong& wrong) {
    const Json::json_pointer pointer(wrong.at);
    if (wrong.value.empty()) {
        object[pointer.parent_pointer()].erase(pointer.back());
    } else {
        object[pointer] = Json::parse(wrong.value);
    }
    return object;
}

TEST(LockObject, SaysWhyAnObjectIsNotTheOneAskedFor) {
    const std::vector<Wrong> cases{
        {"", "null", "has no metadata"},
        {"", "[]", "has no metadata"},
        {"/metadata", "3", "has no metadata"},
        {"/kind", R"("ConfigMap")", R"(no Lease of coordination.k8s.io/v1 but "ConfigMap")"},
        {"/kind", R"("Status")", "no Lease"},
        {"/kind", "3", "no Lease"},
        {"/apiVersion", R"("v1")", R"(of "v1")"},
        {"/metadata/name", R"("other")", "prod/other instead of prod/billing"},
        {"/metadata/name", "", "prod/ instead of prod/billing"},
        {"/metadata/namespace", R"("test")", "test/billing instead of prod/billing"},
        {"/metadata/resourceVersion", "", "resourceVersion"},
        {"/metadata/resourceVersion", "12", "resourceVersion"},
        {"/metadata/resourceVersion", R"("")", "resourceVersion"},
        {"/metadata/resourceVersion", R"("0")", "resourceVersion"},
        {"/metadata/resourceVersion", R"("012")", "resourceVersion"},
        {"/metadata/resourceVersion", R"("-1")", "resourceVersion"},
        {"/metadata/resourceVersion", R"("+1")", "resourceVersion"},
        {"/metadata/resourceVersion", R"("1 ")", "resourceVersion"},
        {"/metadata/resourceVersion", R"("0x12")", "resourceVersion"},
        {"/metadata/resourceVersion", R"("18446744073709551616")", "resourceVersion"},
        {"/metadata/uid", "", "metadata.uid"},
        {"/metadata/uid", R"("")", "metadata.uid"},
    };
    const Json lease = stored(encode_new(sample_name(), record_of_pod()));
    for (const Wrong& each : cases) {
        const DecodedObject decoded = decode_object(sample_name(), with(lease, each));
        EXPECT_FALSE(decoded.snapshot) << each.at << each.value;
        EXPECT_NE(decoded.problem.find(each.problem), std::string::npos) << each.at << each.value << decoded.problem;
    }
    for (const char* fine : {"/kind", "/apiVersion"}) {  // as in a list
        EXPECT_TRUE(decode_object(sample_name(), with(lease, {fine, "", ""})).snapshot) << fine;
    }
    const auto largest =
        decode_object(sample_name(), with(lease, {"/metadata/resourceVersion", R"("18446744073709551615")", ""}));
    ASSERT_TRUE(largest.snapshot);
    EXPECT_EQ(largest.snapshot->version.number, UINT64_MAX);
}

TEST(LockObject, WhatCannotBeUnderstoodSaysWhy) {
    const std::vector<Wrong> cases{
        {"/spec", "3", "its spec is not an object"},
        {"/spec", "[]", "its spec is not an object"},
        {"/spec/holderIdentity", "3", "its spec.holderIdentity is not a string"},
        {"/spec/holderIdentity", R"("a\u0000b")", "its spec.holderIdentity has control characters"},
        {"/spec/holderIdentity", R"("a\n")", "its spec.holderIdentity has control characters"},
        {"/spec/leaseDurationSeconds", "0", "its spec.leaseDurationSeconds is not between 1 and 31622400"},
        {"/spec/leaseDurationSeconds", "-5", "its spec.leaseDurationSeconds is not between 1 and 31622400"},
        {"/spec/leaseDurationSeconds", "31622401", "its spec.leaseDurationSeconds is not between 1 and 31622400"},
        {"/spec/leaseDurationSeconds", "18446744073709551615", "its spec.leaseDurationSeconds is not between"},
        {"/spec/leaseDurationSeconds", "1.5", "its spec.leaseDurationSeconds is not a whole number"},
        {"/spec/leaseDurationSeconds", R"("15")", "its spec.leaseDurationSeconds is not a whole number"},
        {"/spec/leaseTransitions", "-1", "its spec.leaseTransitions is not between 0 and 2147483647"},
        {"/spec/leaseTransitions", "2147483648", "its spec.leaseTransitions is not between 0 and 2147483647"},
        {"/spec/leaseTransitions", "{}", "its spec.leaseTransitions is not a whole number"},
    };
    const Json lease = stored(encode_new(sample_name(), record_of_pod()));
    for (const Wrong& each : cases) {
        const Snapshot snapshot = decoded(KubernetesLock::lease, with(lease, each));
        EXPECT_EQ(snapshot.presence, Presence::unreadable) << each.at << each.value;
        EXPECT_EQ(snapshot.problem.substr(0, each.problem.size()), each.problem);
        EXPECT_EQ(snapshot.record, Record());
        EXPECT_EQ(snapshot.version.number, 1234U);
    }
    Json somebody = lease;
    somebody["metadata"].erase("annotations");
    somebody["spec"].erase("leaseDurationSeconds");
    EXPECT_EQ(decoded(KubernetesLock::lease, somebody).problem, "its spec.leaseDurationSeconds is missing");
    somebody["spec"] = {{"holderIdentity", "a"}, {"leaseDurationSeconds", 5}};  // all that is needed
    EXPECT_EQ(decoded(KubernetesLock::lease, somebody).presence, Presence::present);
    EXPECT_EQ(decoded(KubernetesLock::lease, somebody).record.transitions, 0U);
}

TEST(LockObject, TimesAreForPeopleAndNeverAProblem) {
    Json lease = stored(encode_new(sample_name(), record_of_pod()));
    lease["metadata"].erase("annotations");
    for (const char* time : {R"("yesterday")", "null", "12", "{}", R"("")", R"("2024-13-01T00:00:00Z")"}) {
        lease["spec"]["renewTime"] = Json::parse(time);
        const Snapshot snapshot = decoded(KubernetesLock::lease, lease);
        EXPECT_EQ(snapshot.presence, Presence::present) << time << snapshot.problem;
        EXPECT_EQ(snapshot.record.renew_time_us, 0) << time;
    }
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
