// SPDX-License-Identifier: Apache-2.0
//
// The server's own troubles, and candidates in trouble: killed, frozen, mistaken for one another.
#include <algorithm>
#include <csignal>
#include <vector>

#include "tests/faults/judge.h"
#include "tests/kubeapi/leasehold_fixture.h"

namespace leasehold::servers {
namespace {

using harness::Candidate;
using harness::eventually;
using harness::Stint;
using harness::TestTiming;

class OutageTest : public LeaseholdTest {
protected:
    void TearDown() override {
        if (etcd_ != 0) kill(etcd_, SIGCONT);
        LeaseholdTest::TearDown();
    }

    void pause_etcd() {
        etcd_ = api().etcd_pid();
        ASSERT_EQ(kill(etcd_, SIGSTOP), 0);
    }
    void resume_etcd() { ASSERT_EQ(kill(etcd_, SIGCONT), 0); }

    // The first one leads, the others know it.
    void start_three(const TestTiming& timing) {
        make_unused_lease();
        start("a", {.timing = timing});
        next_run(0);
        for (const char* name : {"b", "c"}) start(name, {.timing = timing});
        for (const char* name : {"b", "c"}) ASSERT_TRUE(logs(candidate_named(name), "a holds the lease"));
    }

    pid_t etcd_ = 0;
};

TEST_F(OutageTest, TheServerIsKilledAndBackWithinTheDeadline) {
    start_three({"40s", "35s", "500ms", ""});
    api().kill();
    EXPECT_TRUE(eventually([&] { return failed_renewals(candidate_named("a")) > 0; }));
    api().start();
    EXPECT_TRUE(renewals(2));
    EXPECT_EQ(board_->runs().size(), 1U);
    EXPECT_EQ(lease()["spec"]["leaseTransitions"], 1);
    // The others hear of it again.
    candidate_named("a").process().signal(SIGTERM);
    EXPECT_EQ(candidate_named("a").process().wait(), 0);
    EXPECT_NE(next_run(1).identity, "a");
}

// The API server answers, but its store does not: writes time out and may be applied later.
TEST_F(OutageTest, ItsEtcdIsSilentForLessThanTheDeadline) {
    start_three({"12s", "9s", "300ms", ""});
    pause_etcd();
    EXPECT_TRUE(eventually([&] { return failed_renewals(candidate_named("a")) >= 2; }));
    resume_etcd();
    EXPECT_TRUE(renewals(2));
    EXPECT_EQ(board_->runs().size(), 1U);
    EXPECT_EQ(lease()["spec"]["leaseTransitions"], 1);
}

TEST_F(OutageTest, ItsEtcdIsSilentForLongerThanTheDeadline) {
    start_three({"3s", "2s", "300ms", ""});
    pause_etcd();
    EXPECT_TRUE(eventually([&] { return board_->living_trees().empty(); }));
    const std::size_t before = board_->runs().size();
    resume_etcd();
    next_run(before);
}

TEST_F(OutageTest, TwoCandidatesWithOneIdentityExcludeEachOther) {
    make_unused_lease();
    const TestTiming timing{"2s", "1s", "200ms", ""};
    harness::TempFolder elsewhere;
    auto& first = start("a", {.timing = timing});
    next_run(0);
    auto& second = start("a", {.folder = elsewhere.path(), .timing = timing});
    ASSERT_TRUE(logs(second, "a holds the lease"));
    EXPECT_TRUE(renewals(15)) << "longer than the lease";
    EXPECT_EQ(board_->runs().size(), 1U);
    first.kill_all();
    next_run(1);
    EXPECT_TRUE(second.process().running());
    candidates_.erase(candidates_.begin());
    start("a", {.timing = timing});
    ASSERT_TRUE(logs(*candidates_.back(), "a holds the lease"));
    second.process().signal(SIGTERM);
    EXPECT_EQ(second.process().wait(), 0);
    next_run(2);
}

// What was frozen with its workload cannot know that its lease has run out; what counts is what it does when it thaws.
class FrozenTest : public LeaseholdTest {
protected:
    std::string what_breaks_the_promise() override { return faults::judge(board_->runs(), true).problem; }
};

TEST_F(FrozenTest, AWholeCandidateThawsAfterAnotherHasTakenOver) {
    make_unused_lease();
    const TestTiming timing{"2s", "1s", "200ms", ""};
    for (const char* name : {"a", "b"}) start(name, {.timing = timing});
    Stint leader = next_run(0);
    for (const bool workload_first : {true, false}) {
        const std::size_t before = board_->runs().size();
        auto& frozen = candidate_named(leader.identity);
        ASSERT_TRUE(logs(candidate_named(leader.identity == "a" ? "b" : "a"), leader.identity + " holds the lease"));
        std::vector<pid_t> all = harness::descendants_of(frozen.process().pid());
        all.insert(all.begin(), frozen.process().pid());
        for (const pid_t process : all) ASSERT_EQ(kill(process, SIGSTOP), 0);
        const std::size_t mark = frozen.log().size();
        const Stint successor = next_run(before);
        ASSERT_NE(successor.identity, leader.identity);
        if (workload_first) std::reverse(all.begin(), all.end());
        for (const pid_t process : all) kill(process, SIGCONT);
        EXPECT_TRUE(eventually([&] { return !harness::lives(static_cast<pid_t>(leader.pid)); }));
        EXPECT_TRUE(logs(frozen, successor.identity + " holds the lease", mark));
        EXPECT_EQ(board_->runs().size(), before + 1);
        leader = successor;
    }
}

}  // namespace
}  // namespace leasehold::servers
