// SPDX-License-Identifier: Apache-2.0
//
// What a healthy API server never does, and what the store makes of it.
#include "election/stores/kubernetes/kubernetes_store.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/store_conformance.h"
#include "tests/kubernetes/fake_cluster.h"

namespace leasehold::stores::kubernetes {
namespace {

using election::Presence;
using election::ReadStatus;
using election::WriteStatus;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr const char* kCollection = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";
constexpr const char* kTarget = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/lock";

http::Answer page(int status, const std::string& body) {
    http::Answer answer;
    answer.sent = true;
    answer.status = status;
    answer.headers["content-type"] = "text/html";
    answer.body = body;
    return answer;
}

class KubernetesStore : public testing::Test {
protected:
    KubernetesStore() : loop_(std::move(*EventLoop::create())), cluster_(*loop_), store_(open()) {}

    std::unique_ptr<Store> open() {
        return open_kubernetes_store(*loop_, cluster_.open_api(), {KubernetesLock::lease, "ns", "lock", nullptr},
                                     seen_);
    }

    election::ReadOutcome read() {
        std::optional<election::ReadOutcome> answer;
        store_->read(seconds(50), [&](election::ReadOutcome outcome) { answer = std::move(outcome); });
        EXPECT_TRUE(turn_until(*loop_, [&] { return answer.has_value(); }));
        return answer.value_or(election::ReadOutcome());
    }
    election::WriteOutcome write(const WriteRequest& request, Duration timeout = seconds(50)) {
        std::optional<election::WriteOutcome> answer;
        store_->write(request, timeout, [&](election::WriteOutcome outcome) { answer = std::move(outcome); });
        EXPECT_TRUE(turn_until(*loop_, [&] { return answer.has_value(); }));
        return answer.value_or(election::WriteOutcome());
    }
    election::Version made() { return write(creation(sample_record("a", 1))).version; }
    void watch() {
        store_->watch({.seen = [this](election::Snapshot snapshot) { seen_by_watch_.push_back(std::move(snapshot)); },
                       .broken = [this](const std::string& reason) { broken_.push_back(reason); }});
        ASSERT_TRUE(turn_until(*loop_, [this] { return cluster_.watches() > 0; }));
    }
    bool watch_sees(const election::Version& version) {
        return turn_until(*loop_, [&] { return !seen_by_watch_.empty() && seen_by_watch_.back().version == version; });
    }
    // Answers the next request of this method in place of the cluster.
    void instead_of(const std::string& method, http::Answer answer) {
        cluster_.interfere = [this, method, answer](const http::Request& request) -> std::optional<http::Answer> {
            if (request.method != method) return std::nullopt;
            cluster_.interfere = nullptr;
            return answer;
        };
    }

    std::unique_ptr<EventLoop> loop_;
    FakeCluster cluster_;
    std::shared_ptr<election::Version> seen_ = std::make_shared<election::Version>();
    std::unique_ptr<Store> store_;
    std::vector<election::Snapshot> seen_by_watch_;
    std::vector<std::string> broken_;
};

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

TEST_F(KubernetesStore, ARequestAfterATimeoutGoesOverANewConnection) {
    const auto version = made();
    cluster_.stall(true);
    EXPECT_EQ(write(replacement(version, sample_record("a", 2)), std::chrono::milliseconds(5)).status,
              WriteStatus::unknown);
    cluster_.stall(false);
    EXPECT_FALSE(cluster_.requests.back().request.fresh_connection);
    EXPECT_EQ(read().status, ReadStatus::ok);
    EXPECT_TRUE(cluster_.requests.back().request.fresh_connection);
    EXPECT_EQ(read().status, ReadStatus::ok);
    EXPECT_FALSE(cluster_.requests.back().request.fresh_connection);
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

TEST_F(KubernetesStore, AWatchGoesOnWhereItEndedWithoutAWord) {
    auto version = made();
    watch();
    ASSERT_TRUE(watch_sees(version));
    cluster_.end_watches(page(200, ""));
    version = write(replacement(version, sample_record("a", 2))).version;
    ASSERT_TRUE(watch_sees(version));
    EXPECT_TRUE(broken_.empty());
    std::erase_if(cluster_.requests, [](const FakeCluster::Seen& seen) { return !seen.watch; });
    ASSERT_EQ(cluster_.requests.size(), 2U);
    const auto& last = cluster_.requests.back();
    EXPECT_THAT(last.request.target, HasSubstr("resourceVersion="));
    EXPECT_THAT(last.request.target, HasSubstr("allowWatchBookmarks=true"));
    EXPECT_THAT(last.request.target, HasSubstr("fieldSelector=metadata.name%3Dlock"));
}

TEST_F(KubernetesStore, ABookmarkMovesTheWatchOn) {
    const auto version = made();
    watch();
    ASSERT_TRUE(watch_sees(version));
    cluster_.tell_watches(R"({"type":"BOOKMARK","object":{"kind":"Lease","metadata":{"resourceVersion":"150"}}})"
                          "\n");
    cluster_.end_watches(page(200, ""));
    ASSERT_TRUE(turn_until(*loop_, [this] {
        return cluster_.requests.back().watch && cluster_.requests.back().request.target.ends_with("=150");
    }));
}

TEST_F(KubernetesStore, AForgottenPositionStartsTheWatchAnew) {
    auto version = made();
    watch();
    ASSERT_TRUE(watch_sees(version));
    cluster_.mute = true;
    version = write(replacement(version, sample_record("a", 2))).version;
    cluster_.forget_history();
    cluster_.mute = false;
    cluster_.end_watches(page(200, ""));
    ASSERT_TRUE(watch_sees(version));
    EXPECT_THAT(broken_, testing::ElementsAre("expired"));
}

TEST_F(KubernetesStore, AWatchThatSaysLessThanAReadIsStartedAnew) {
    auto version = made();
    watch();
    ASSERT_TRUE(watch_sees(version));
    cluster_.mute = true;
    version = write(replacement(version, sample_record("a", 2))).version;
    cluster_.mute = false;  // but nobody is told any more
    ASSERT_TRUE(watch_sees(version));
    EXPECT_THAT(broken_, testing::ElementsAre("stalled"));
    EXPECT_TRUE(cluster_.requests.back().request.fresh_connection);
}

TEST_F(KubernetesStore, WhateverAWatchSaysItGoesOn) {
    auto version = made();
    watch();
    ASSERT_TRUE(watch_sees(version));
    const std::string nonsense[] = {"garbage\n",
                                    "[]\n",
                                    "{\"type\":5,\"object\":{}}\n",
                                    "{\"type\":\"ADDED\"}\n",
                                    R"({"type":"ERROR","object":{"code":"x"}})"
                                    "\n",
                                    R"({"type":"MODIFIED","object":{"metadata":{"name":"lock"}}})"
                                    "\n"};
    for (const std::string& line : nonsense) {
        SCOPED_TRACE(line);
        broken_.clear();
        cluster_.tell_watches(line);
        ASSERT_TRUE(turn_until(*loop_, [this] { return !broken_.empty(); }));
        version = write(replacement(version, sample_record("a", 9))).version;
        ASSERT_TRUE(watch_sees(version));
    }
    const http::Answer answers[] = {FakeCluster::status(401, "Unauthorized", "Unauthorized"),
                                    FakeCluster::status(403, "Forbidden", "no"),
                                    FakeCluster::status(410, "Expired", "old"), page(502, "<html>bad gateway</html>")};
    for (const http::Answer& answer : answers) {
        SCOPED_TRACE(answer.status);
        broken_.clear();
        instead_of("GET", answer);
        cluster_.end_watches(page(200, ""));
        ASSERT_TRUE(turn_until(*loop_, [this] { return !broken_.empty(); }));
        version = write(replacement(version, sample_record("a", 9))).version;
        ASSERT_TRUE(watch_sees(version));
    }
    EXPECT_EQ(cluster_.credentials->refreshes, 1);
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
