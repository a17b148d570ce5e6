// SPDX-License-Identifier: Apache-2.0
//
// leasehold candidates on a real etcd cluster whose members and network fail.
#include <array>
#include <map>
#include <memory>
#include <string>

#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "election/stores/record_json.h"
#include "election/stores/secret_text.h"
#include "tests/clusters/etcd_fixture.h"
#include "tests/harness/with_candidates.h"

namespace leasehold::servers {
namespace {

using harness::Candidate;
using harness::eventually;
using harness::TestTiming;
using nlohmann::json;
using std::chrono::milliseconds;
using Mode = Relay::Mode;

const TestTiming kQuick{"2s", "1s", "200ms", ""};
const TestTiming kPatient{"9s", "6s", "300ms", ""};

class EtcdTest : public testing::Test {
protected:
    void SetUp() override {
        if (!EtcdCluster::available()) GTEST_SKIP() << EtcdCluster::unavailable_message();
        cluster_ = std::make_unique<EtcdCluster>(EtcdCluster::Options{});
    }

    std::unique_ptr<EtcdCluster> cluster_;  // of its own: members are killed
};

class EtcdElectionTest : public harness::WithCandidates<EtcdTest> {
protected:
    std::string default_store() override {
        std::vector<std::string> urls;
        for (int i = 0; i < cluster_->size(); ++i) urls.push_back(cluster_->url(i));
        return store_at(urls);
    }
    static std::string store_at(const std::vector<std::string>& urls) {
        return fmt::format("etcd: {{endpoints: [\"{}\"]}}", fmt::join(urls, "\", \""));
    }
    static std::string key() { return stores::encode_base64("/leasehold/test"); }

    // So that nobody has to wait.
    void make_released_record() {
        const auto record = stores::make_released_record(std::chrono::seconds(2), 1);
        const std::string text = stores::encode_record(record, stores::JsonLayout::compact);
        cluster_->must("/v3/kv/put", {{"key", key()}, {"value", stores::encode_base64(text)}});
    }
    json record() {
        const json answer = cluster_->call("/v3/kv/range", {{"key", key()}}).json();
        if (!answer.is_object() || !answer.contains("kvs")) return json::object();
        const auto text = stores::decode_base64(answer["kvs"][0]["value"].get<std::string>());
        return json::parse(text.value_or(""), nullptr, false);
    }
    std::string renew_time() override { return record().value("renewTime", ""); }

    Candidate& start_behind_relays(const std::string& name, const TestTiming& timing) {
        relays_[name] = std::make_unique<EtcdRelays>(*cluster_);
        return start(name, {.timing = timing, .store = store_at(relays_[name]->urls())});
    }
    // a leads, b knows it.
    void start_two(const TestTiming& timing) {
        make_released_record();
        start_behind_relays("a", timing);
        next_run(0);
        start_behind_relays("b", timing);
        ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    }

    std::map<std::string, std::unique_ptr<EtcdRelays>> relays_;
};

TEST_F(EtcdElectionTest, HandsOverInOrderAndTakesOverAfterALoss) {
    make_released_record();
    for (const char* name : {"a", "b", "c"}) start(name, {.timing = kQuick});
    std::string leader = next_run(0).identity;
    const auto transitions = [this] { return record().value("leaderTransitions", 0); };
    const int before = transitions();
    candidate_named(leader).process().signal(SIGTERM);
    EXPECT_EQ(candidate_named(leader).process().wait(), 0);
    const auto second = next_run(1);
    EXPECT_TRUE(eventually([&] { return transitions() == before + 1; }));
    candidate_named(second.identity).kill_all();
    const auto third = next_run(2);
    EXPECT_TRUE(eventually([&] { return transitions() == before + 2; }));
    EXPECT_NE(third.identity, second.identity);
}

TEST_F(EtcdElectionTest, TheVeryFirstStartWaitsUnlessARecordWasPrepared) {
    const auto begun = harness::monotonic_now();
    auto& candidate = start("a", {.timing = kQuick});
    EXPECT_GE(next_run(0).first - begun, std::chrono::seconds(2));
    EXPECT_THAT(candidate.log(), testing::HasSubstr("there is no record of a holder"));
}

TEST_F(EtcdElectionTest, TheWorkloadDoesNotNoticeTheLossOfAnyOneMember) {
    start_two(kPatient);
    for (int i = 0; i < cluster_->size(); ++i) {
        cluster_->kill(i);
        EXPECT_TRUE(renewals(3)) << "without member " << i;
        cluster_->start(i);
        cluster_->await_ready();
    }
    const int leader = cluster_->leader();
    ASSERT_GE(leader, 0);
    cluster_->kill(leader);
    EXPECT_TRUE(renewals(3)) << "without the leader";
    cluster_->start(leader);
    EXPECT_EQ(board_->runs().size(), 1U);
}

TEST_F(EtcdElectionTest, TheWorkloadDoesNotNoticeAShortLossOfTheMajority) {
    start_two(kPatient);
    cluster_->kill(0);
    cluster_->kill(1);
    const double failed = failed_renewals(candidate_named("a"));
    EXPECT_TRUE(eventually([&] { return failed_renewals(candidate_named("a")) > failed; }));
    cluster_->start(0);
    cluster_->start(1);
    cluster_->await_ready();
    EXPECT_TRUE(renewals(3));
    EXPECT_EQ(board_->runs().size(), 1U);
}

TEST_F(EtcdElectionTest, ALongLossOfTheMajorityEndsTheTermAndHealsByItself) {
    start_two(kQuick);
    cluster_->kill(0);
    cluster_->kill(1);
    EXPECT_TRUE(eventually([&] { return board_->living_trees().empty(); }));
    let_pass(milliseconds(3000));
    EXPECT_EQ(board_->runs().size(), 1U);
    cluster_->start(0);
    cluster_->start(1);
    next_run(1);
}

TEST_F(EtcdElectionTest, TheLeadersNetworkFailsAndTheOtherTakesOver) {
    start_two(kQuick);
    for (const Mode fault : {Mode::black_hole, Mode::one_way, Mode::drip, Mode::refuse}) {
        SCOPED_TRACE(static_cast<int>(fault));
        const auto runs = board_->runs();
        auto& leader = candidate_named(runs.back().identity);
        const std::string other = leader.name() == "a" ? "b" : "a";
        const std::size_t mark = leader.log().size();
        relays_[leader.name()]->set(fault);
        ASSERT_EQ(next_run(runs.size()).identity, other);
        relays_[leader.name()]->cut();
        relays_[leader.name()]->set(Mode::pass);
        ASSERT_TRUE(logs(leader, other + " holds the lease", mark)) << "it does not find back";
    }
}

TEST_F(EtcdElectionTest, OneMembersNetworkFailsAndNobodyNotices) {
    start_two(kPatient);
    for (const Mode fault : {Mode::black_hole, Mode::one_way, Mode::drip, Mode::refuse}) {
        for (int member = 0; member < cluster_->size(); ++member) {
            SCOPED_TRACE(static_cast<int>(fault));
            for (auto& [name, relays] : relays_) (*relays)[member].set(fault);
            EXPECT_TRUE(renewals(2));
            for (auto& [name, relays] : relays_) (*relays)[member].cut();
            for (auto& [name, relays] : relays_) (*relays)[member].set(Mode::pass);
        }
    }
    EXPECT_EQ(board_->runs().size(), 1U);
}

TEST_F(EtcdElectionTest, AKeyThatIsDeletedIsWrittenAgainByItsHolder) {
    start_two(kQuick);
    for (int i = 0; i < 3; ++i) {
        cluster_->must("/v3/kv/deleterange", {{"key", key()}});
        EXPECT_TRUE(eventually([&] { return record().value("holderIdentity", "") == "a"; }));
    }
    EXPECT_TRUE(renewals(2));
    EXPECT_EQ(board_->runs().size(), 1U);
}

TEST_F(EtcdElectionTest, AKeyThatHoldsSomethingElseCountsAsHeld) {
    cluster_->must("/v3/kv/put", {{"key", key()}, {"value", stores::encode_base64("a shopping list")}});
    auto& candidate = start("a", {.timing = kQuick});
    EXPECT_TRUE(logs(candidate, "the record cannot be understood and counts as held"));
    let_pass(milliseconds(3000));
    EXPECT_TRUE(board_->runs().empty());
}

}  // namespace
}  // namespace leasehold::servers
