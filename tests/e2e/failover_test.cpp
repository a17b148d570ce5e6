// SPDX-License-Identifier: Apache-2.0
//
// Three candidates on one lease file, judged from outside by the stamps of the workload.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

// How often each fault is repeated: few for the inner loop, more where nobody waits.
int repetitions() {
    const char* wanted = std::getenv("LEASEHOLD_REPETITIONS");
    return wanted != nullptr ? std::atoi(wanted) : 10;
}

class Failover : public testing::Test {
protected:
    void SetUp() override {
        for (const char* name : {"a", "b", "c"}) candidates_.push_back(start(name));
    }

    void TearDown() override {
        for (auto& candidate : candidates_) candidate->process().signal(SIGTERM);
        for (auto& candidate : candidates_) EXPECT_TRUE(candidate->process().wait()) << candidate->name();
        EXPECT_EQ(find_overlap(board_.runs()), "");
        if (HasFailure()) {
            for (auto& candidate : candidates_) fmt::print("--- log of {}\n{}", candidate->name(), candidate->log());
        }
    }

    std::unique_ptr<Candidate> start(const std::string& name) {
        return std::make_unique<Candidate>(Candidate::Options{.folder = folder_.path(),
                                                              .name = name,
                                                              .command = {stamper_program(), folder_.path("board")},
                                                              .timing = {},
                                                              .listen = "127.0.0.1:0",
                                                              .extra = {}});
    }

    // Waits for more runs than `before`, and returns the newest.
    Stint next_run(std::size_t before) {
        EXPECT_TRUE(eventually([&] { return board_.runs().size() > before; })) << "no successor";
        const auto runs = board_.runs();
        return runs.empty() ? Stint{} : runs.back();
    }

    std::unique_ptr<Candidate>& candidate_named(const std::string& name) {
        for (auto& candidate : candidates_) {
            if (candidate->name() == name) return candidate;
        }
        ADD_FAILURE() << "no candidate called " << name;
        return candidates_.front();
    }

    TempFolder folder_;
    Board board_{folder_.path("board")};
    std::vector<std::unique_ptr<Candidate>> candidates_;
};

TEST_F(Failover, CleanStopsHandOver) {
    Stint leader = next_run(0);
    for (int i = 0; i < repetitions() && !HasFailure(); ++i) {
        const std::size_t before = board_.runs().size();
        auto& stopped = candidate_named(leader.identity);
        stopped->process().signal(SIGTERM);
        ASSERT_EQ(stopped->process().wait(), 0) << stopped->log();
        leader = next_run(before);
        stopped = start(stopped->name());
    }
}

TEST_F(Failover, LosingAWholeCandidateHandsOver) {
    Stint leader = next_run(0);
    for (int i = 0; i < repetitions() && !HasFailure(); ++i) {
        const std::size_t before = board_.runs().size();
        auto& lost = candidate_named(leader.identity);
        lost->kill_all();
        ASSERT_EQ(lost->process().wait(), 128 + SIGKILL);
        leader = next_run(before);
        lost = start(lost->name());
    }
}

TEST_F(Failover, KillingTheSupervisorHandsOverAtOnce) {
    Stint leader = next_run(0);
    for (int i = 0; i < 3 && !HasFailure(); ++i) {
        const std::size_t before = board_.runs().size();
        kill(candidate_named(leader.identity)->role("leasehold-super"), SIGKILL);
        leader = next_run(before);
    }
}

TEST_F(Failover, KillingTheAgentChangesNothing) {
    const Stint leader = next_run(0);
    auto& candidate = candidate_named(leader.identity);
    for (int i = 0; i < 3; ++i) {
        const pid_t agent = candidate->role("leasehold-agent");
        kill(agent, SIGKILL);
        ASSERT_TRUE(eventually([&] {
            const pid_t successor = candidate->role("leasehold-agent");
            return successor != agent && candidate->log().find("taking over term") != std::string::npos;
        }));
        // Longer than the renew deadline: the new agent must have renewed by itself.
        const auto since = monotonic_now();
        ASSERT_TRUE(eventually([&] { return monotonic_now() - since > std::chrono::milliseconds(700); }));
    }
    const auto runs = board_.runs();
    ASSERT_EQ(runs.size(), 1U) << "the workload was restarted or moved";
    EXPECT_EQ(runs.front().pid, leader.pid);
}

// The guardian's name is spared by "pkill leasehold"; without it the supervisor empties its tree and the agent
// releases.
TEST_F(Failover, KillingTheGuardianEndsTheCandidateInOrder) {
    const Stint leader = next_run(0);
    auto& candidate = candidate_named(leader.identity);
    ASSERT_EQ(name_of(candidate->process().pid()), "lease-guardian");
    kill(candidate->process().pid(), SIGKILL);
    ASSERT_EQ(candidate->process().wait(), 128 + SIGKILL);
    EXPECT_NE(next_run(1).identity, leader.identity);
    EXPECT_TRUE(eventually([&] { return candidate->log().find("released the lease") != std::string::npos; }));
}

TEST_F(Failover, DeletingTheRecordIsRepairedByTheHolder) {
    const Stint leader = next_run(0);
    ASSERT_EQ(unlink(folder_.path("test.lease").c_str()), 0);
    ASSERT_TRUE(eventually([&] { return !read_file(folder_.path("test.lease")).empty(); }));
    const auto since = monotonic_now();
    ASSERT_TRUE(eventually([&] { return monotonic_now() - since > std::chrono::milliseconds(1500); }));
    EXPECT_EQ(board_.runs().size(), 1U);
    EXPECT_EQ(board_.runs().back().pid, leader.pid);
}

// Both files gone, and the folder with them: what a newcomer finds looks like the very first start of all.
TEST(Presence, ANewFolderUnderALivingLeaderIsNotAFreeLease) {
    TempFolder folder;
    Board board(folder.path("board"));
    const auto start = [&](const char* name) {
        return Candidate({.folder = folder.path(),
                          .name = name,
                          .command = {stamper_program(), folder.path("board")},
                          .timing = {},
                          .listen = "127.0.0.1:0",
                          .extra = {},
                          .lease = folder.path("lease/test.lease")});
    };
    std::filesystem::create_directory(folder.path("lease"));
    Candidate leader = start("leader");
    ASSERT_TRUE(eventually([&] { return board.runs().size() == 1; })) << leader.log();
    std::filesystem::rename(folder.path("lease"), folder.path("gone"));
    std::filesystem::create_directory(folder.path("lease"));
    Candidate newcomer = start("newcomer");
    ASSERT_TRUE(eventually([&] { return newcomer.log().find("standby: ") != std::string::npos; })) << newcomer.log();
    const auto since = monotonic_now();
    ASSERT_TRUE(eventually([&] { return monotonic_now() - since > std::chrono::milliseconds(1500); }));
    EXPECT_EQ(find_overlap(board.runs()), "") << leader.log() << newcomer.log();
    for (Candidate* candidate : {&leader, &newcomer}) candidate->process().signal(SIGTERM);
    for (Candidate* candidate : {&leader, &newcomer}) EXPECT_TRUE(candidate->process().wait()) << candidate->log();
    EXPECT_EQ(find_overlap(board.runs()), "");
}

TEST(Oracle, SeesTwoRunsAtOnce) {
    using std::chrono::nanoseconds;
    const std::vector<Stint> apart{{nanoseconds(10), nanoseconds(20), 1, 5, "a"},
                                   {nanoseconds(21), nanoseconds(30), 2, 6, "b"}};
    EXPECT_EQ(find_overlap(apart), "");
    const std::vector<Stint> both{{nanoseconds(10), nanoseconds(20), 1, 5, "a"},
                                  {nanoseconds(19), nanoseconds(30), 2, 6, "b"}};
    EXPECT_NE(find_overlap(both), "");
    const std::vector<Stint> token{{nanoseconds(10), nanoseconds(20), 1, 6, "a"},
                                   {nanoseconds(21), nanoseconds(30), 2, 6, "b"}};
    EXPECT_NE(find_overlap(token), "");
}

}  // namespace
}  // namespace leasehold::harness
