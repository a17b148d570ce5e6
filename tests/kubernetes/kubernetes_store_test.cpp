// SPDX-License-Identifier: Apache-2.0
//
// What a healthy API server never does, and what the store makes of it.
#include "election/stores/kubernetes/kubernetes_store.h"

#include <algorithm>
#include <optional>

#include <gmock/gmock.h>

#include "tests/kubernetes/store_fixture.h"

namespace leasehold::stores::kubernetes {
namespace {

using election::Presence;
using election::ReadStatus;
using election::WriteStatus;
using std::chrono::seconds;
using testing::HasSubstr;

class KubernetesStore : public StoreTest {};

TEST_F(KubernetesStore, ATakeoverIsOnePutWithoutAGetBeforeIt) {
    cluster_.put(kTarget, {{"apiVersion", "coordination.k8s.io/v1"},
                           {"kind", "Lease"},
                           {"metadata", {{"name", "lock"}, {"namespace", "ns"}, {"labels", {{"team", "billing"}}}}},
                           {"spec", {{"holderIdentity", ""}, {"strategy", "OldestEmulationVersion"}}}});
    watch();
    ASSERT_TRUE(turn_until(*loop_, [this] { return !seen_by_watch_.empty(); }));
    cluster_.requests.clear();
    const auto outcome = write(replacement(seen_by_watch_.back().version, sample_record("b", 5)));
    EXPECT_EQ(outcome.status, WriteStatus::applied) << outcome.detail;
    ASSERT_EQ(cluster_.requests.size(), 1U);
    EXPECT_EQ(cluster_.requests[0].request.method, "PUT");
    const auto& object = *cluster_.find(kTarget);
    EXPECT_EQ(object["metadata"]["labels"]["team"], "billing");
    EXPECT_EQ(object["spec"]["strategy"], "OldestEmulationVersion");
    EXPECT_EQ(object["spec"]["holderIdentity"], "b");
    EXPECT_EQ(seen_->number, outcome.version.number);
}

TEST_F(KubernetesStore, OnlyTheServersOwnRefusalProvesThatNothingWasApplied) {
    const struct {
        const char* what;
        http::Answer answer;
        WriteStatus status;
        const char* reason;
    } cases[] = {
        {"409", FakeCluster::status(409, "Conflict", "modified"), WriteStatus::conflict, ""},
        {"404", FakeCluster::status(404, "NotFound", "leases \"lock\" not found"), WriteStatus::conflict, ""},
        {"403", FakeCluster::status(403, "Forbidden", "User \"u\" cannot update"), WriteStatus::failed, "forbidden"},
        {"422", FakeCluster::status(422, "Invalid", "no"), WriteStatus::failed, ""},
        {"500", FakeCluster::status(500, "InternalError", "etcd: timeout"), WriteStatus::unknown, ""},
        {"503", FakeCluster::status(503, "ServiceUnavailable", "later"), WriteStatus::unknown, ""},
        {"proxy's 403", page(403, "<html>no</html>"), WriteStatus::unknown, ""},
        {"proxy's 409", page(409, "<html>no</html>"), WriteStatus::unknown, ""},
        {"proxy's 200", page(200, "<html>welcome</html>"), WriteStatus::unknown, "malformed"},
        {"redirect", page(302, ""), WriteStatus::unknown, ""},
        {"half an object", page(200, "{\"kind\": \"Lease\", \"metad"), WriteStatus::unknown, "malformed"},
        {"empty", page(200, ""), WriteStatus::unknown, "malformed"},
    };
    const auto version = made();
    for (const auto& one : cases) {
        SCOPED_TRACE(one.what);
        instead_of("PUT", one.answer);
        const auto outcome = write(replacement(version, sample_record("a", 2)));
        EXPECT_EQ(outcome.status, one.status) << outcome.reason << ": " << outcome.detail;
        EXPECT_EQ(outcome.detail.empty(), false);
        EXPECT_THAT(outcome.reason, HasSubstr(one.reason));
    }
}

TEST_F(KubernetesStore, AnAnswerThatIsLostAfterTheCommitIsUnknownAndFoundLater) {
    const auto version = made();
    cluster_.distort = [](const http::Request& request, http::Answer& answer) {
        if (request.method != "PUT") return;
        answer = http::Answer();
        answer.failure = http::Failure::unanswered;
        answer.sent = true;
        answer.detail = "reset";
    };
    const auto outcome = write(replacement(version, sample_record("a", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::unknown);
    EXPECT_EQ(read().snapshot.record.write_id, sample_record("a", 2).write_id);
}

TEST_F(KubernetesStore, WhatWasNeverSentHasFailed) {
    const auto version = made();
    http::Answer refused;
    refused.failure = http::Failure::connect;
    refused.detail = "refused";
    instead_of("PUT", refused);
    const auto outcome = write(replacement(version, sample_record("a", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_EQ(outcome.reason, "connect");
}

TEST_F(KubernetesStore, A401IsTriedAgainWithNewCredentials) {
    const auto version = made();
    cluster_.interfere = [](const http::Request& request) -> std::optional<http::Answer> {
        const bool good = std::find(request.headers.begin(), request.headers.end(), "Authorization: Bearer new") !=
                          request.headers.end();
        return good ? std::nullopt : std::optional(FakeCluster::status(401, "Unauthorized", "Unauthorized"));
    };
    auto outcome = write(replacement(version, sample_record("a", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::failed);  // there were no newer ones
    EXPECT_EQ(outcome.reason, "unauthorized");
    cluster_.credentials->refresh = [this]() -> Result<void> {
        cluster_.credentials->authorization = "Bearer new";
        return {};
    };
    outcome = write(replacement(version, sample_record("a", 3)));
    EXPECT_EQ(outcome.status, WriteStatus::applied) << outcome.detail;
}

TEST_F(KubernetesStore, CredentialsThatArePreparedComeFirst) {
    cluster_.credentials->ready = false;
    cluster_.credentials->authorization.clear();
    cluster_.credentials->refresh = [this]() -> Result<void> {
        cluster_.credentials->authorization = "Bearer by-plugin";
        cluster_.credentials->ready = true;
        return {};
    };
    EXPECT_EQ(read().status, ReadStatus::ok);
    EXPECT_EQ(cluster_.credentials->refreshes, 1);
    EXPECT_THAT(cluster_.requests.back().request.headers, testing::Contains("Authorization: Bearer by-plugin"));
}

TEST_F(KubernetesStore, A401WithoutNewerCredentialsSaysWhy) {
    const auto version = made();
    instead_of("PUT", FakeCluster::status(401, "Unauthorized", "Unauthorized"));
    cluster_.credentials->refresh = [] { return Result<void>(failure("the plugin fetch-token failed")); };
    const auto outcome = write(replacement(version, sample_record("a", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_EQ(outcome.reason, "unauthorized");
    EXPECT_THAT(outcome.detail, HasSubstr("the plugin fetch-token failed"));
}

// The token was rotated while the request was under way.
TEST_F(KubernetesStore, A401ForWhatIsOutOfUseAlreadyIsTriedAgainWithWhatIsInUse) {
    const auto version = made();
    cluster_.interfere = [this](const http::Request&) -> std::optional<http::Answer> {
        cluster_.interfere = nullptr;
        cluster_.credentials->authorization = "Bearer newer";
        return FakeCluster::status(401, "Unauthorized", "Unauthorized");
    };
    const auto outcome = write(replacement(version, sample_record("a", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::applied) << outcome.detail;
    EXPECT_EQ(cluster_.credentials->refreshes, 0);
    EXPECT_THAT(cluster_.requests.back().request.headers, testing::Contains("Authorization: Bearer newer"));
}

TEST_F(KubernetesStore, WithoutCredentialsInTimeNothingWasWritten) {
    const auto version = made();
    const std::size_t before = cluster_.requests.size();
    cluster_.credentials->ready = false;
    cluster_.credentials->silent = true;
    const auto outcome = write(replacement(version, sample_record("a", 2)), std::chrono::milliseconds(5));
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_THAT(outcome.detail, HasSubstr("the credential plugin of a test gave none within"));
    EXPECT_EQ(cluster_.requests.size(), before);
}

TEST_F(KubernetesStore, AMissingRightPrintsTheRoleOnceForEachAction) {
    const auto api = cluster_.open_api();
    const std::vector<Action> actions = actions_of_a_run({}, "lock", "ns");
    const auto denied = FakeCluster::status(
        403, "Forbidden", "leases \"lock\" is forbidden: User \"system:serviceaccount:ns:runner\" cannot get resource");
    const auto said = [&](const http::Answer& answer, const Action& action) {
        const CapturedLog log;
        api->refusal_of(answer, action);
        return CapturedLog::text();
    };
    EXPECT_EQ(said(denied, actions[1]), "") << "nobody has said what is needed";
    api->print_missing_rights({actions, "leasehold-lock"});
    for (const Action& action : {actions[1], actions[3]}) {
        const std::string text = said(denied, action);
        for (const char* part : {"kind: Role\n", "leasehold-lock", "\"watch\"", "kind: RoleBinding\n", "\"runner\""}) {
            EXPECT_THAT(text, HasSubstr(part));
        }
        EXPECT_EQ(said(denied, action), "") << "said already";
    }
    const auto quota = FakeCluster::status(403, "Forbidden", "leases is forbidden: exceeded quota");
    EXPECT_EQ(said(quota, actions[0]), "");
}

TEST_F(KubernetesStore, AfterATimeoutNoKeptConnectionIsUsed) {
    const auto version = made();
    cluster_.stall(true);
    EXPECT_EQ(write(replacement(version, sample_record("a", 2)), std::chrono::milliseconds(5)).status,
              WriteStatus::unknown);
    EXPECT_EQ(cluster_.connections_dropped, 1);
    cluster_.stall(false);
    EXPECT_EQ(read().status, ReadStatus::ok);
    EXPECT_EQ(cluster_.connections_dropped, 1);
}

TEST_F(KubernetesStore, ThrottlingTellsForHowLong) {
    auto throttled = FakeCluster::status(429, "TooManyRequests", "please try again later");
    throttled.headers["retry-after"] = "7";
    instead_of("GET", throttled);
    const auto outcome = read();
    EXPECT_EQ(outcome.status, ReadStatus::failed);
    EXPECT_EQ(outcome.reason, "throttled");
    EXPECT_EQ(outcome.retry_after, seconds(7));
}

TEST_F(KubernetesStore, NothingButTheObjectsOwn404IsAnAbsence) {
    EXPECT_EQ(read().status, ReadStatus::ok);
    EXPECT_EQ(read().snapshot.presence, Presence::absent);
    instead_of("GET", FakeCluster::status(404, "NotFound", "the server could not find the requested resource"));
    EXPECT_EQ(read().status, ReadStatus::failed);
    instead_of("GET", page(404, "<html>404</html>"));
    EXPECT_EQ(read().status, ReadStatus::failed);
}

TEST_F(KubernetesStore, AnotherObjectsAnswerSaysNothing) {
    made();
    cluster_.distort = [](const http::Request&, http::Answer& answer) {
        auto object = Json::parse(answer.body);
        object["metadata"]["name"] = "other";
        answer.body = object.dump();
    };
    const auto outcome = read();
    EXPECT_EQ(outcome.status, ReadStatus::failed);
    EXPECT_EQ(outcome.reason, "malformed");
}

TEST_F(KubernetesStore, SomebodyElsesWishForAHolderIsHandedOn) {
    made();
    auto object = *cluster_.find(kTarget);
    object["spec"]["preferredHolder"] = "other";
    cluster_.put(kTarget, object);
    const auto seen = read();
    EXPECT_EQ(seen.snapshot.preferred_holder, "other");
    const auto outcome = write(replacement(seen.snapshot.version, sample_record("a", 2)));
    EXPECT_EQ(outcome.status, WriteStatus::applied);
    EXPECT_EQ((*cluster_.find(kTarget))["spec"]["preferredHolder"], "other");
}

TEST_F(KubernetesStore, ACreationNamesTheCollection) {
    made();
    ASSERT_EQ(cluster_.requests.size(), 1U);
    EXPECT_EQ(cluster_.requests[0].request.method, "POST");
    EXPECT_EQ(cluster_.requests[0].request.target, kCollection);
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
