// SPDX-License-Identifier: Apache-2.0
//
// The annotation of the Endpoints and ConfigMap locks. The texts to compare with were made by client-go v1.20 itself
// (json.Marshal of a resourcelock.LeaderElectionRecord, Go 1.19).
#include <vector>

#include <gtest/gtest.h>

#include "election/stores/kubernetes/go_json.h"
#include "tests/kubernetes/lock_samples.h"

namespace leasehold::stores::kubernetes {
namespace {

using election::Presence;
using election::Record;
using election::Snapshot;

Record record_of(const std::string& holder) {
    Record record;
    record.holder = holder;
    record.lease_duration = std::chrono::seconds(15);
    record.acquire_time_us = 1'715'000'000'123'456;
    record.renew_time_us = 1'715'000'001'999'999;
    record.transitions = 3;
    return record;
}

Json endpoints_with(const Json& annotation) {
    const Json metadata = {
        {"name", "billing"}, {"namespace", "prod"}, {"annotations", {{kLeaderAnnotation, annotation}}}};
    return stored({{"metadata", metadata}});
}

TEST(LeaderAnnotation, IsWhatClientGoWrites) {
    EXPECT_EQ(leader_annotation(record_of("pod-1")),
              "{\"holderIdentity\":\"pod-1\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2024-05-06T12:53:20Z\","
              "\"renewTime\":\"2024-05-06T12:53:21Z\",\"leaderTransitions\":3}");
    Record released = record_of("pod-1");
    released.released = true;
    released.acquire_time_us = released.renew_time_us;
    EXPECT_EQ(leader_annotation(released),
              "{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,\"acquireTime\":\"2024-05-06T12:53:21Z\","
              "\"renewTime\":\"2024-05-06T12:53:21Z\",\"leaderTransitions\":3}");
    Record timeless = record_of("a");
    timeless.acquire_time_us = timeless.renew_time_us = 0;
    EXPECT_EQ(leader_annotation(timeless),
              "{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":15,\"acquireTime\":null,\"renewTime\":null,"
              "\"leaderTransitions\":3}");
}

TEST(LeaderAnnotation, EscapesAsGoDoes) {
    const std::string end =
        "\",\"leaseDurationSeconds\":15,\"acquireTime\":\"2024-05-06T12:53:20Z\",\"renewTime\":"
        "\"2024-05-06T12:53:21Z\",\"leaderTransitions\":3}";
    EXPECT_EQ(leader_annotation(record_of("a<b>&\"c\"\\\u2028\u2029ä😀\x7f\x01\t\n\r/")),
              "{\"holderIdentity\":\"a\\u003cb\\u003e\\u0026\\\"c\\\"\\\\\\u2028\\u2029ä😀\x7f\\u0001\\t\\n\\r/" + end);
    EXPECT_EQ(go_json_string("\b\f"), "\"\\u0008\\u000c\"");
    EXPECT_EQ(go_json_string(""), "\"\"");
    // Each byte that is no part of a sequence; a U+FFFD that was there is no error.
    EXPECT_EQ(
        go_json_string("x\xff\xc0\x80y\xed\xa0\x80\xe2\x82z\xef\xbf\xbd\xf4\x90\x80\x80"),
        "\"x\\ufffd\\ufffd\\ufffdy\\ufffd\\ufffd\\ufffd\\ufffd\\ufffdz\xef\xbf\xbd\\ufffd\\ufffd\\ufffd\\ufffd\"");
    EXPECT_EQ(valid_utf8("x\xff\xe2\x82z"), "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
}

TEST(LeaderAnnotation, KnowsUtf8) {
    for (const char* good :
         {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xec\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80",
          "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_EQ(valid_utf8(good), good);
        const std::string cut(good, std::string(good).size() - 1);
        EXPECT_EQ(valid_utf8(cut).size(), cut.size() * 3) << good;
    }
    for (const std::string bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                  "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff"}) {
        EXPECT_EQ(valid_utf8(bad).size(), bad.size() * 3);
    }
}

TEST(LeaderAnnotation, IsReadAsClientGoReadsIt) {
    const Snapshot held = decoded(KubernetesLock::endpoints, endpoints_with(leader_annotation(record_of("pod-1"))));
    EXPECT_EQ(held.presence, Presence::present) << held.problem;
    EXPECT_EQ(held.record.holder, "pod-1");
    EXPECT_EQ(held.record.transitions, 3U);
    EXPECT_EQ(held.record.renew_time_us, 1'715'000'001'000'000);
    EXPECT_FALSE(held.record.released);
    // With what Kubernetes 1.31 added to the struct, in any order.
    const Snapshot newer = decoded(
        KubernetesLock::configmap,
        endpoints_with(R"({"strategy":"","preferredHolder":"","leaderTransitions":3,"renewTime":"2024-05-06T12:53:21Z",
            "leaseDurationSeconds":15,"acquireTime":"2024-05-06T14:53:20+02:00","holderIdentity":"pod-1"})"));
    EXPECT_EQ(newer.record.acquire_time_us, 1'715'000'000'000'000) << newer.problem;
}

struct Unreadable {
    Json annotation;
    std::string problem;
};

TEST(LeaderAnnotation, WhatCannotBeUnderstoodSaysWhy) {
    const auto with = [](const char* key, const Json& value) {
        Json record = Json::parse(leader_annotation(record_of("a")));
        record[key] = value;
        if (value.is_null()) record.erase(key);
        return Json(record.dump());
    };
    const std::vector<Unreadable> cases{
        {3, "its leader annotation is not a string"},
        {"x", "its leader annotation is damaged: it is not JSON in UTF-8"},
        {" ", "its leader annotation is damaged: it is not JSON in UTF-8"},
        {"[]", "its leader annotation is damaged: it is JSON, but not an object"},
        {"null", "its leader annotation is damaged: it is JSON, but not an object"},
        {R"({"a":1,"a":2})", "its leader annotation is damaged: a key stands in it twice"},
        {std::string(70000, '['), "its leader annotation is damaged: it is larger than 64 KiB"},
        {"{}", "its leader annotation's holderIdentity is missing"},
        {with("holderIdentity", nullptr), "its leader annotation's holderIdentity is missing"},
        {with("holderIdentity", 3), "its leader annotation's holderIdentity is not a string"},
        {with("leaseDurationSeconds", nullptr), "its leader annotation's leaseDurationSeconds is missing"},
        {with("leaseDurationSeconds", 0), "its leader annotation's leaseDurationSeconds is not between 1 and 31622400"},
        {with("leaseDurationSeconds", -1), "its leader annotation's leaseDurationSeconds is not between"},
        {with("leaderTransitions", nullptr), "its leader annotation's leaderTransitions is missing"},
        {with("leaderTransitions", -1), "its leader annotation's leaderTransitions is not between 0 and 2147483647"},
    };
    for (const KubernetesLock lock : {KubernetesLock::endpoints, KubernetesLock::configmap}) {
        for (const Unreadable& each : cases) {
            const Snapshot snapshot = decoded(lock, endpoints_with(each.annotation));
            EXPECT_EQ(snapshot.presence, Presence::unreadable) << each.problem;
            EXPECT_EQ(snapshot.problem.substr(0, each.problem.size()), each.problem);
            EXPECT_EQ(snapshot.record, Record());
        }
        EXPECT_EQ(decoded(lock, endpoints_with("")).presence, Presence::vacated);
    }
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
