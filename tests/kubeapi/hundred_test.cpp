// SPDX-License-Identifier: Apache-2.0
//
// A hundred candidates on one Lease: their cores, drivers and clients, in this one process, on one loop. What a clean
// hand-over costs the API server.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/driver.h"
#include "base/clock.h"
#include "election/stores/kubernetes/access.h"
#include "election/stores/kubernetes/api.h"
#include "election/stores/kubernetes/kubernetes_store.h"
#include "tests/servers/kube_api_fixture.h"

namespace leasehold::servers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kCandidates = 100;

// One candidate without a workload: a term's tree is empty as soon as that is asked for.
class Candidate {
public:
    Candidate(EventLoop& loop, const stores::KubernetesOptions& options, int number) : number_(number) {
        auto access =
            stores::kubernetes::Access::create(loop, options, [](const std::string&) { return std::nullopt; });
        if (!access) throw std::runtime_error(access.error().message);
        auto api = stores::kubernetes::Api::create(loop, std::move(*access));
        if (!api) throw std::runtime_error(api.error().message);
        store_ = stores::kubernetes::open_kubernetes_store(
            loop, std::move(*api), {stores::KubernetesLock::lease, options.namespace_name, "lock", nullptr},
            std::make_shared<election::Version>());
        election::Settings settings;
        settings.identity = "candidate-" + std::to_string(number);
        settings.incarnation = "incarnation-" + std::to_string(number);
        settings.timing = {seconds(15), seconds(10), seconds(2), 0.01, milliseconds(250)};
        settings.seed = static_cast<std::uint64_t>(number);
        auto driver = app::Driver::create(
            loop, *store_, election::Election(settings, {}, now()),
            {.grant = [](const election::Grant&) {},
             .revoke = [this](const election::Revoke& wanted) { driver_->deliver(election::TreeEmpty{wanted.term}); },
             .note = [](const election::Note&) {},
             .finished = [this] { finished_ = true; },
             .request =
                 [this](const std::string& operation, auto&&...) {
                     if (operation == "write") ++writes_;
                 },
             .watch_broken = [](const std::string&) {},
             .renewed = [](Instant, Duration) {},
             .stepped = [] {}});
        if (!driver) throw std::runtime_error(driver.error().message);
        driver_ = std::move(*driver);
        driver_->start();
    }

    bool leads() const { return driver_->election().role() == election::Role::leader; }
    bool knows(const std::string& holder) const {
        const auto& seen = driver_->election().seen();
        return leads() || (seen && seen->record.holder == holder && !seen->record.released);
    }
    const std::string identity() const { return "candidate-" + std::to_string(number_); }
    std::uint64_t transitions() const { return driver_->election().grant()->transitions; }
    void stop() { driver_->deliver(election::StopRequested{}); }
    bool finished() const { return finished_; }
    int writes() const { return writes_; }
    void forget_writes() { writes_ = 0; }

private:
    const int number_;
    std::unique_ptr<stores::Store> store_;
    std::unique_ptr<app::Driver> driver_;
    bool finished_ = false;
    int writes_ = 0;
};

class Hundred : public KubeApiTest {
protected:
    void SetUp() override {
        KubeApiTest::SetUp();
        if (IsSkipped()) return;
        loop_ = std::move(*EventLoop::create());
        stores::KubernetesOptions options;
        options.kubeconfig = api().kubeconfig(KubeApi::kAdmin, name_space());
        options.namespace_name = name_space();
        api().must("POST", "/apis/coordination.k8s.io/v1/namespaces/" + name_space() + "/leases",
                   {{"metadata", {{"name", "lock"}, {"annotations", {{"leasehold.io/unused", "true"}}}}}});
        for (int i = 0; i < kCandidates; ++i) {
            candidates_.push_back(std::make_unique<Candidate>(*loop_, options, i));
        }
    }

    template <class Condition>
    bool turn_until(const Condition& condition) {
        const Instant begin = now();
        while (!condition()) {
            if (elapsed_at_most(begin, now()) > seconds(120)) return false;
            if (!loop_->run_once(milliseconds(20))) return false;
        }
        return true;
    }

    Candidate* leader() const {
        for (const auto& candidate : candidates_) {
            if (candidate->leads()) return candidate.get();
        }
        return nullptr;
    }

    bool all_know_the_leader() {
        return turn_until([this] {
            const Candidate* leading = leader();
            if (leading == nullptr) return false;
            for (const auto& candidate : candidates_) {
                if (!candidate->finished() && !candidate->knows(leading->identity())) return false;
            }
            return true;
        });
    }

    std::unique_ptr<EventLoop> loop_;
    std::vector<std::unique_ptr<Candidate>> candidates_;
};

TEST_F(Hundred, EachWritesAtMostOnceInACleanHandOver) {
    ASSERT_TRUE(all_know_the_leader());
    for (int round = 0; round < 3; ++round) {
        SCOPED_TRACE(round);
        Candidate* old = leader();
        ASSERT_NE(old, nullptr);
        const std::uint64_t transitions = old->transitions();
        for (const auto& candidate : candidates_) candidate->forget_writes();
        const Instant begin = now();
        old->stop();
        ASSERT_TRUE(turn_until([&] { return leader() != nullptr && leader() != old; }));
        RecordProperty("milliseconds_" + std::to_string(round),
                       static_cast<int>(elapsed_at_most(begin, now()) / milliseconds(1)));
        EXPECT_EQ(leader()->transitions(), transitions + 1);
        ASSERT_TRUE(all_know_the_leader());
        int writes = 0;
        for (const auto& candidate : candidates_) {
            // A renewal may fall into it.
            EXPECT_LE(candidate->writes(), candidate.get() == old || candidate->leads() ? 2 : 1);
            writes += candidate->writes();
        }
        RecordProperty("writes_" + std::to_string(round), writes);
    }
}

}  // namespace
}  // namespace leasehold::servers
