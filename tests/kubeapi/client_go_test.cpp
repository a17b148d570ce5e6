// SPDX-License-Identifier: Apache-2.0
//
// That candidates with client-go's election do what the tests of mixed groups take for granted.
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/board.h"
#include "tests/servers/client_go_candidate.h"
#include "tests/servers/kube_api_fixture.h"

namespace leasehold::servers {
namespace {

using harness::eventually;
using harness::Stint;

class ClientGoTest : public KubeApiTest {
protected:
    void SetUp() override {
        KubeApiTest::SetUp();
        if (IsSkipped()) return;
        board_ = std::make_unique<harness::Board>(folder_.path("board"));
    }

    ClientGoOptions options(const std::string& identity) {
        return {.folder = folder_.path(),
                .identity = identity,
                .kubeconfig = api().kubeconfig(KubeApi::kAdmin, name_space()),
                .namespace_name = name_space(),
                .name = "lock",
                .lease_duration = "2s",
                .renew_deadline = "1500ms",
                .retry_period = "200ms",
                .command = {harness::stamper_program(), folder_.path("board")}};
    }

    // Whether a workload of this candidate is the last one that was started, and `count` were in all.
    bool runs(const std::string& identity, std::size_t count) {
        return eventually([&] {
            const std::vector<Stint> stints = board_->runs();
            return stints.size() == count && stints.back().identity == identity;
        });
    }

    harness::TempFolder folder_;
    std::unique_ptr<harness::Board> board_;
};

TEST_F(ClientGoTest, HandsOverAndContendsAgain) {
    for (const std::string lock : {"leases", "endpoints", "configmaps"}) {
        const std::size_t before = board_->runs().size();
        auto first_options = options("first-" + lock);
        auto second_options = options("second-" + lock);
        first_options.lock = second_options.lock = lock;
        ClientGoCandidate first(first_options);
        ASSERT_TRUE(runs("first-" + lock, before + 1)) << first.log();
        ClientGoCandidate second(second_options);
        first.process().signal(SIGTERM);
        EXPECT_EQ(first.process().wait(), 0) << first.log();
        ASSERT_TRUE(runs("second-" + lock, before + 2)) << second.log();
        ClientGoCandidate again(first_options);
        // The workload's end is the end of the leadership: it may come back to either of them.
        ::kill(static_cast<pid_t>(board_->runs().back().pid), SIGKILL);
        ASSERT_TRUE(eventually([&] { return board_->runs().size() == before + 3; })) << second.log();
    }
    EXPECT_EQ(harness::find_overlap(board_->runs()), "");
}

TEST_F(ClientGoTest, TakesOverFromTheDead) {
    ClientGoCandidate first(options("first"));
    ASSERT_TRUE(runs("first", 1)) << first.log();
    ClientGoCandidate second(options("second"));
    first.process().signal(SIGKILL);
    ASSERT_TRUE(runs("second", 2)) << second.log();
    EXPECT_EQ(harness::find_overlap(board_->runs()), "");
}

TEST_F(ClientGoTest, EndsItsWorkloadWhenTheServerIsSilent) {
    ClientGoCandidate candidate(options("only"));
    ASSERT_TRUE(runs("only", 1)) << candidate.log();
    api().pause();
    EXPECT_TRUE(eventually([&] { return board_->living_trees().empty(); })) << candidate.log();
    api().resume();
    EXPECT_TRUE(runs("only", 2)) << candidate.log();
    EXPECT_EQ(harness::find_overlap(board_->runs()), "");
}

}  // namespace
}  // namespace leasehold::servers
