// SPDX-License-Identifier: Apache-2.0
//
// Whose record it is: after client-go wrote into our object, after somebody edited it by hand, after random damage.
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kubernetes/lock_samples.h"

namespace leasehold::stores::kubernetes {
namespace {

using election::Presence;
using election::Record;
using election::Snapshot;
using std::chrono::seconds;

constexpr const char* kThen = "2024-05-06T13:00:00.000001Z";
constexpr const char* kNow = "2024-05-06T13:00:07.250000Z";

Json ours(KubernetesLock lock, const Record& record) { return stored(encode_new(sample_name(lock), record)); }

Json& annotation(Json& object) { return object["metadata"]["annotations"][kRecordAnnotation]; }

void expect_foreign(const Snapshot& snapshot, const std::string& holder) {
    EXPECT_EQ(snapshot.presence, Presence::present) << snapshot.problem;
    EXPECT_EQ(snapshot.record.holder, holder);
    EXPECT_EQ(snapshot.record.incarnation, "");
    EXPECT_EQ(snapshot.record.write_id, "");
    EXPECT_FALSE(snapshot.record.released);
}

TEST(SharedLock, WhatClientGoWritesIntoOurObjectIsItsOwn) {
    for (const KubernetesLock lock : kLocks) {
        for (const bool released : {false, true}) {
            Record record = record_of_pod();
            record.released = released;
            const Json taken = updated_by_client_go(lock, ours(lock, record), {"go", 20, kThen, kThen, 42});
            expect_foreign(decoded(lock, taken), "go");
            EXPECT_EQ(decoded(lock, taken).record.lease_duration, seconds(20));
            EXPECT_EQ(decoded(lock, taken).record.transitions, 42U);
            const Json renewed = updated_by_client_go(lock, taken, {"go", 20, kThen, kNow, 42});
            expect_foreign(decoded(lock, renewed), "go");
            // Shorter than ours: it is the holder's own choice.
            const Json shorter = updated_by_client_go(lock, renewed, {"go", 5, kThen, kNow, 42});
            EXPECT_EQ(decoded(lock, shorter).record.lease_duration, seconds(5));
        }
    }
}

TEST(SharedLock, ClientGoUnderOurNameIsNotUs) {
    for (const KubernetesLock lock : kLocks) {
        const Record record = record_of_pod();
        const Json renewed = updated_by_client_go(lock, ours(lock, record), {record.holder, 5, kThen, kNow, 41});
        expect_foreign(decoded(lock, renewed), record.holder);
        EXPECT_EQ(decoded(lock, renewed).record.lease_duration, seconds(15));  // of the two, to be sure
    }
}

// Since kubernetes/kubernetes#80954 (2020): client-go in v1.20 and all later ones.
TEST(SharedLock, ClientGosReleaseIsFreeAtOnce) {
    for (const KubernetesLock lock : kLocks) {
        const Json released = updated_by_client_go(lock, ours(lock, record_of_pod()), {"", 1, kNow, kNow, 42});
        const Snapshot snapshot = decoded(lock, released);
        EXPECT_EQ(snapshot.presence, Presence::present) << snapshot.problem;
        EXPECT_TRUE(snapshot.record.released);
        EXPECT_EQ(snapshot.record.holder, "");
        EXPECT_EQ(snapshot.record.incarnation, "");
        EXPECT_EQ(snapshot.record.transitions, 42U);
    }
    Json absent = updated_by_client_go(KubernetesLock::lease, ours(KubernetesLock::lease, record_of_pod()),
                                       {"", 1, kNow, kNow, 42});
    absent["spec"].erase("holderIdentity");  // as a server may show an empty one
    EXPECT_TRUE(decoded(KubernetesLock::lease, absent).record.released);
}

// Before that change, from v1.14, which brought ReleaseOnCancel, a release had no duration and no times. In a Lease the
// server refused it: "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0".
TEST(SharedLock, TheReleaseOfOldClientGoIsFreeInAnAnnotationOnly) {
    for (const KubernetesLock lock : {KubernetesLock::endpoints, KubernetesLock::configmap}) {
        const Snapshot snapshot =
            decoded(lock, updated_by_client_go(lock, ours(lock, record_of_pod()), {"", 0, "", "", 42}));
        EXPECT_EQ(snapshot.presence, Presence::present) << snapshot.problem;
        EXPECT_TRUE(snapshot.record.released);
        EXPECT_EQ(snapshot.record.lease_duration, seconds(1));
    }
    Json lease = ours(KubernetesLock::lease, record_of_pod());
    lease["spec"] = {{"holderIdentity", ""}, {"leaseTransitions", 42}};
    EXPECT_EQ(decoded(KubernetesLock::lease, lease).presence, Presence::vacated);
    lease["spec"]["leaseDurationSeconds"] = 0;
    EXPECT_EQ(decoded(KubernetesLock::lease, lease).presence, Presence::unreadable);
}

TEST(SharedLock, WhatOnlyResemblesAReleaseIsNotFree) {
    for (const KubernetesLock lock : kLocks) {
        const Json object = ours(lock, record_of_pod());
        const std::vector<LeaderElectionRecord> cases{
            {"", 1, kThen, kNow, 42}, {"", 2, kNow, kNow, 42}, {"", 15, kNow, kNow, 42}, {"", 1, "", "", 42}};
        for (const LeaderElectionRecord& each : cases) {
            const Snapshot snapshot = decoded(lock, updated_by_client_go(lock, object, each));
            EXPECT_EQ(snapshot.presence, Presence::vacated) << each.seconds << each.acquire_time;
            EXPECT_FALSE(snapshot.record.released);
            EXPECT_EQ(snapshot.record.lease_duration, seconds(15));
        }
    }
}

TEST(SharedLock, OursEmptiedByHandIsVacatedWhateverItsDuration) {
    for (const KubernetesLock lock : kLocks) {
        for (const std::int64_t duration : {1, 15}) {
            Record record = record_of_pod(duration);
            record.acquire_time_us = record.renew_time_us;  // at the beginning of a term
            const Json object = ours(lock, record);
            const auto empty = [](Json& shown) { shown["holderIdentity"] = ""; };
            EXPECT_EQ(decoded(lock, edited(lock, object, empty)).presence, Presence::vacated);
            const auto one = [](Json& shown) { shown["holderIdentity"] = "", shown["leaseDurationSeconds"] = 1; };
            const Snapshot snapshot = decoded(lock, edited(lock, object, one));
            EXPECT_EQ(snapshot.presence, Presence::vacated);
            EXPECT_EQ(snapshot.record.lease_duration, seconds(duration));
        }
        Json wiped = ours(lock, record_of_pod());
        wiped.erase("spec");
        wiped["metadata"]["annotations"].erase(kLeaderAnnotation);
        wiped["metadata"]["annotations"][kUnusedAnnotation] = "true";
        EXPECT_EQ(decoded(lock, wiped).presence, Presence::vacated);
        EXPECT_FALSE(decoded(lock, wiped).never_written);
        EXPECT_EQ(decoded(lock, wiped).record.lease_duration, seconds(15));
    }
}

TEST(SharedLock, ADurationEditedByHandIsStillOursAndTheLongerCounts) {
    for (const KubernetesLock lock : kLocks) {
        for (const std::int64_t seconds_now : {1, 14, 16, 600}) {
            const auto edit = [&](Json& shown) { shown["leaseDurationSeconds"] = seconds_now; };
            const Snapshot snapshot = decoded(lock, edited(lock, ours(lock, record_of_pod()), edit));
            Record expected = record_of_pod();
            expected.lease_duration = seconds(std::max<std::int64_t>(seconds_now, 15));
            EXPECT_EQ(snapshot.record, expected);
        }
    }
    Json lease = ours(KubernetesLock::lease, record_of_pod());
    lease["spec"].erase("leaseDurationSeconds");
    EXPECT_EQ(decoded(KubernetesLock::lease, lease).record, record_of_pod());
}

TEST(SharedLock, AnotherHolderPutThereByHandIsAnotherHolder) {
    for (const KubernetesLock lock : kLocks) {
        for (const bool released : {false, true}) {
            Record record = record_of_pod();
            record.released = released;
            const auto edit = [](Json& shown) { shown["holderIdentity"] = "me", shown["leaseDurationSeconds"] = 1; };
            const Snapshot snapshot = decoded(lock, edited(lock, ours(lock, record), edit));
            expect_foreign(snapshot, "me");
            EXPECT_EQ(snapshot.record.lease_duration, seconds(15));
        }
    }
}

TEST(SharedLock, ARecordIsNotReleasedByItsAnnotationAlone) {
    for (const KubernetesLock lock : kLocks) {
        Json object = ours(lock, record_of_pod());
        Json parts = Json::parse(annotation(object).get<std::string>());
        parts["released"] = true;
        annotation(object) = parts.dump();
        EXPECT_EQ(decoded(lock, object).record, record_of_pod());
    }
}

TEST(SharedLock, WithoutItsAnnotationARecordIsSomebodyElses) {
    for (const KubernetesLock lock : kLocks) {
        Json removed = ours(lock, record_of_pod());
        removed["metadata"]["annotations"].erase(kRecordAnnotation);
        expect_foreign(decoded(lock, removed), "pod-1_x");
        EXPECT_EQ(decoded(lock, removed).record.lease_duration, seconds(15));

        Record record = record_of_pod();
        record.released = true;
        Json released = ours(lock, record);
        released["metadata"]["annotations"].erase(kRecordAnnotation);
        EXPECT_EQ(decoded(lock, released).presence, Presence::vacated);
    }
}

TEST(SharedLock, ADamagedAnnotationIsNone) {
    const std::string good = ours(KubernetesLock::lease, record_of_pod())["metadata"]["annotations"][kRecordAnnotation];
    const auto without = [&](const char* key) {
        Json parts = Json::parse(good);
        parts.erase(key);
        return Json(parts.dump());
    };
    const auto with = [&](const char* key, const Json& value) {
        Json parts = Json::parse(good);
        parts[key] = value;
        return Json(parts.dump());
    };
    const std::vector<Json> cases{"",
                                  "x",
                                  "{",
                                  "[]",
                                  "null",
                                  3,
                                  Json::object(),
                                  good + "x",
                                  std::string(70000, '['),
                                  without("format"),
                                  without("incarnation"),
                                  without("writeId"),
                                  without("released"),
                                  without("holderIdentity"),
                                  without("leaseDurationSeconds"),
                                  without("of"),
                                  with("format", 0),
                                  with("format", "1"),
                                  with("released", 1),
                                  with("of", "0"),
                                  with("of", 7),
                                  with("leaseDurationSeconds", 0),
                                  with("incarnation", "a\nb")};
    for (const Json& each : cases) {
        Json object = ours(KubernetesLock::lease, record_of_pod());
        annotation(object) = each;
        SCOPED_TRACE(each.dump().substr(0, 100));
        expect_foreign(decoded(KubernetesLock::lease, object), "pod-1_x");
    }
}

TEST(SharedLock, ANewerFormatIsHeldWhileItIsTheLastWord) {
    for (const KubernetesLock lock : kLocks) {
        Json object = ours(lock, record_of_pod());
        Json parts = Json::parse(annotation(object).get<std::string>());
        parts = {{"format", 2}, {"of", parts["of"]}, {"released", "maybe"}};
        annotation(object) = parts.dump();
        const Snapshot snapshot = decoded(lock, object);
        EXPECT_EQ(snapshot.presence, Presence::unreadable);
        EXPECT_NE(snapshot.problem.find("newer leasehold"), std::string::npos) << snapshot.problem;
        expect_foreign(decoded(lock, updated_by_client_go(lock, object, {"go", 20, kThen, kNow, 42})), "go");
    }
}

// Terms of leaseholds and of client-go programs in turn, with releases, takeovers and edits in between.
TEST(SharedLock, OwnershipIsRightInMixedSequences) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const KubernetesLock lock : kLocks) {
        std::mt19937_64 random(seed);
        Json object = ours(lock, record_of_pod());
        std::uint64_t transitions = 41;
        std::int64_t time = 1'715'100'000;
        for (int i = 0; i < 500; ++i) {
            ++time;
            const bool ends_in_release = random() % 2 == 0;
            ++transitions;
            if (random() % 2 == 0) {
                Record record = record_of_pod();
                record.holder = "pod-" + std::to_string(random() % 3);
                record.write_id = "1.1." + std::to_string(i);
                record.transitions = transitions;
                record.acquire_time_us = record.renew_time_us = time * 1'000'000;
                record.released = ends_in_release;
                object = stored(encode_update(sample_name(lock), object, record));
                ASSERT_EQ(decoded(lock, object).record, record);
            } else {
                const std::string now = "2024-05-08T" + std::to_string(10 + i % 14) + ":00:0" + std::to_string(i % 10);
                const std::string holder = ends_in_release ? "" : "pod-" + std::to_string(random() % 3);
                object = stored(updated_by_client_go(
                    lock, object, {holder, ends_in_release ? 1 : 15, now + ".250000Z", now + ".250000Z", transitions}));
                const Snapshot snapshot = decoded(lock, object);
                ASSERT_EQ(snapshot.presence, Presence::present);
                ASSERT_EQ(snapshot.record.incarnation, "");
                ASSERT_EQ(snapshot.record.holder, holder);
                ASSERT_EQ(snapshot.record.released, ends_in_release);
            }
            ASSERT_EQ(decoded(lock, object).record.transitions, transitions);
        }
    }
}

// Replaces, removes or adds something anywhere in a JSON value.
void damage(Json& value, std::mt19937_64& random) {
    static const std::vector<Json> pieces{
        nullptr,         true, 0, -1, 1, 2147483648U, 1e300, "", "x", "\n", "true", Json::array(), Json::object(),
        Json::array({1})};
    if (!value.is_structured() || value.empty() || random() % 6 == 0) {
        value = pieces[random() % pieces.size()];
        return;
    }
    auto at = value.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random() % value.size()));
    if (random() % 8 == 0) {
        value.erase(at);
    } else {
        damage(*at, random);
    }
}

void damage_text(Json& text, std::mt19937_64& random) {
    if (!text.is_string() || text.get_ref<std::string&>().empty()) return;
    Json parsed = Json::parse(text.get_ref<std::string&>(), nullptr, false);
    if (random() % 2 == 0 && !parsed.is_discarded()) {
        damage(parsed, random);
        text = parsed.dump();
        return;
    }
    auto& bytes = text.get_ref<std::string&>();
    bytes[random() % bytes.size()] = static_cast<char>(random() % 0x60 + 0x20);
}

TEST(SharedLock, SurvivesDamagedObjects) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const std::uint64_t each : {std::uint64_t{1}, seed}) {
        std::mt19937_64 random(each);
        for (int i = 0; i < 3000; ++i) {
            const KubernetesLock lock = kLocks[random() % 3];
            Json object = ours(lock, record_of_pod());
            if (random() % 3 == 0) object = updated_by_client_go(lock, object, {"go", 20, kThen, kNow, 42});
            if (random() % 2 == 0) damage(object, random);
            const Json::json_pointer annotations("/metadata/annotations");
            for (const char* key : {kRecordAnnotation, kLeaderAnnotation}) {
                const bool there = object.contains(annotations) && object[annotations].contains(key);
                if (there && random() % 2 == 0) damage_text(object[annotations][key], random);
            }

            const DecodedObject decoded = decode_object(sample_name(lock), object);
            ASSERT_EQ(decoded.snapshot.has_value(), decoded.problem.empty());
            const Json updated = stored(encode_update(sample_name(lock), object, record_of_pod()));
            ASSERT_EQ(decode_object(sample_name(lock), updated).snapshot->record, record_of_pod());
            if (!decoded.snapshot) continue;
            const Snapshot& snapshot = *decoded.snapshot;
            ASSERT_NE(snapshot.presence, Presence::absent);
            ASSERT_EQ(snapshot.presence == Presence::unreadable, !snapshot.problem.empty());
            if (snapshot.presence != Presence::present) continue;
            ASSERT_GT(snapshot.record.lease_duration, Duration::zero());
            ASSERT_TRUE(snapshot.record.released || !snapshot.record.holder.empty());
        }
    }
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
