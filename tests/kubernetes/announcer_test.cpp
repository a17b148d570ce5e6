// SPDX-License-Identifier: Apache-2.0
//
// The label of the pod, and what becomes of it when the server has other things to do.
#include "election/stores/kubernetes/announcer.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "tests/conformance/store_conformance.h"
#include "tests/kubernetes/fake_cluster.h"

namespace leasehold::stores::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AnnouncerTest : public testing::Test {
protected:
    AnnouncerTest() : loop_(std::move(*EventLoop::create())), cluster_(*loop_) {
        AnnouncerSettings settings;
        settings.lock = {KubernetesLock::lease, "locks", "lock", nullptr};
        settings.seen = std::make_shared<election::Version>();
        settings.identity = "me";
        settings.role_label = "leasehold.io/role";
        settings.pod = "pod-1";
        settings.pod_namespace = "apps";
        announcer_ = std::move(*Announcer::create(*loop_, cluster_.open_api(), settings));
    }

    // Answers the label's requests in this order, and what comes after with success.
    void answer_with(std::vector<http::Answer> answers) {
        cluster_.interfere = [this, answers](const http::Request&) {
            attempts_.push_back(now());
            if (attempts_.size() <= answers.size()) return std::optional(answers[attempts_.size() - 1]);
            http::Answer good;
            good.status = 200;
            return std::optional(good);
        };
    }
    Duration pause_before(std::size_t attempt) const {
        return elapsed_at_most(attempts_[attempt - 1], attempts_[attempt]);
    }

    std::unique_ptr<EventLoop> loop_;
    FakeCluster cluster_;
    std::unique_ptr<Announcer> announcer_;
    std::vector<Instant> attempts_;
};

TEST_F(AnnouncerTest, TheLabelIsSetOnThePodWhereverTheLockIs) {
    answer_with({});
    announcer_->set_pod_role(Announcer::PodRole::leader);
    ASSERT_TRUE(turn_until(*loop_, [&] { return attempts_.size() == 1; }));
    EXPECT_EQ(cluster_.requests.back().request.method, "PATCH");
    EXPECT_EQ(cluster_.requests.back().request.target, "/api/v1/namespaces/apps/pods/pod-1");
    announcer_->became_leader();
    ASSERT_TRUE(turn_until(*loop_, [&] { return attempts_.size() == 2; }));
    EXPECT_EQ(cluster_.requests.back().request.target, "/api/v1/namespaces/locks/events");
}

// The API server has the writes of a hand-over to answer first.
TEST_F(AnnouncerTest, AnEventComesAMomentLaterAndBeforeTheEnd) {
    answer_with({});
    bool all_sent = false;
    const Instant ended = now();
    announcer_->stopped_leading();
    announcer_->when_events_are_sent(std::chrono::seconds(30), [&] { all_sent = true; });
    ASSERT_TRUE(turn_until(*loop_, [&] { return all_sent; }));
    ASSERT_EQ(attempts_.size(), 1U);
    EXPECT_GE(elapsed_at_most(ended, attempts_[0]), milliseconds(29));
    EXPECT_EQ(cluster_.requests.back().request.target, "/api/v1/namespaces/locks/events");
}

TEST_F(AnnouncerTest, AServerThatFailsIsAskedLessAndLessOften) {
    const auto broken = FakeCluster::status(500, "InternalError", "etcd");
    answer_with({broken, broken});
    announcer_->set_pod_role(Announcer::PodRole::leader);
    ASSERT_TRUE(turn_until(*loop_, [&] { return attempts_.size() == 3; }));
    EXPECT_GE(pause_before(1), milliseconds(1900));
    EXPECT_GE(pause_before(2), milliseconds(3900));
}

TEST_F(AnnouncerTest, AServerThatAsksToBeLeftAloneIs) {
    auto throttled = FakeCluster::status(429, "TooManyRequests", "please try again later");
    throttled.headers["retry-after"] = "4";
    answer_with({throttled});
    announcer_->set_pod_role(Announcer::PodRole::leader);
    ASSERT_TRUE(turn_until(*loop_, [&] { return attempts_.size() == 2; }));
    EXPECT_GE(pause_before(1), milliseconds(3900));
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
