// SPDX-License-Identifier: Apache-2.0
//
// A store of a cluster that is only as good as the test wants it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/log.h"
#include "election/stores/kubernetes/kubernetes_store.h"
#include "tests/conformance/store_conformance.h"
#include "tests/kubernetes/fake_cluster.h"

namespace leasehold::stores::kubernetes {

inline constexpr const char* kCollection = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";
inline constexpr const char* kTarget = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/lock";

inline http::Answer page(int status, const std::string& body) {
    http::Answer answer;
    answer.sent = true;
    answer.status = status;
    answer.headers["content-type"] = "text/html";
    answer.body = body;
    return answer;
}

// What is logged from here on, until the text is taken. The log opens standard error anew when it is set up.
class CapturedLog {
public:
    CapturedLog() {
        testing::internal::CaptureStderr();
        log::init({}, "test");
    }
    static std::string text() {
        const std::string text = testing::internal::GetCapturedStderr();
        log::init({}, "test");
        return text;
    }
};

class StoreTest : public testing::Test {
protected:
    StoreTest() : loop_(std::move(*EventLoop::create())), cluster_(*loop_), store_(open()) {}

    std::unique_ptr<Store> open() {
        return open_kubernetes_store(*loop_, cluster_.open_api(), {KubernetesLock::lease, "ns", "lock", nullptr},
                                     seen_);
    }

    election::ReadOutcome read() {
        std::optional<election::ReadOutcome> answer;
        store_->read(std::chrono::seconds(50), [&](election::ReadOutcome outcome) { answer = std::move(outcome); });
        EXPECT_TRUE(turn_until(*loop_, [&] { return answer.has_value(); }));
        return answer.value_or(election::ReadOutcome());
    }
    election::WriteOutcome write(const WriteRequest& request, Duration timeout = std::chrono::seconds(50)) {
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

}  // namespace leasehold::stores::kubernetes
