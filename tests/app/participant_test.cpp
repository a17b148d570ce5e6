// SPDX-License-Identifier: Apache-2.0
#include "app/participant.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "app/store_choice.h"
#include "base/clock.h"

namespace leasehold::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Participants : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "participantXXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        auto loop = EventLoop::create();
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
        options_.identity = "me";
        options_.election.name = "test";
        options_.election.timing = {
            .lease_duration = seconds(1), .renew_deadline = milliseconds(500), .retry_period = milliseconds(100)};
        options_.election.store.file.path = folder_ + "/test.lease";
    }

    void TearDown() override { std::filesystem::remove_all(folder_); }

    // Takes part from here on, ending its terms at once when asked to.
    std::unique_ptr<Participant> join(const std::string& incarnation) {
        prepared_.push_back(prepare_store(options_));
        EXPECT_TRUE(prepared_.back()) << prepared_.back().error().message;
        auto made = std::make_shared<Participant*>();
        auto participant = Participant::create(
            *loop_, {.options = options_, .incarnation = incarnation, .has_workload = false, .listeners = {}},
            {.grant = [this](const election::Grant&) { ++grants_; },
             .revoke = [made](const election::Revoke& wanted) { (*made)->deliver(election::TreeEmpty{wanted.term}); },
             .acquiring =
                 [this](election::Term term) {
                     if (grants_ == 0) acquiring_ = term;
                 },
             .finished = [this] { finished_ = true; },
             .noted = [this](const election::Note& note) { notes_.push_back(note.decision); },
             .stepped = {},
             .picture = {},
             .cannot_serve = {}});
        EXPECT_TRUE(participant) << participant.error().message;
        *made = participant->get();
        EXPECT_TRUE((*participant)->start({}));
        return std::move(*participant);
    }

    bool turn_until(const std::function<bool()>& condition) {
        const Instant since = now();
        while (!condition()) {
            if (elapsed_at_most(since, now()) > seconds(30) || !loop_->run_once(milliseconds(50))) return false;
        }
        return true;
    }

    bool noted(election::Decision decision) const {
        return std::find(notes_.begin(), notes_.end(), decision) != notes_.end();
    }

    static bool says_leading(Participant& participant) {
        return participant.metrics().text().find("leader_election_master_status{name=\"test\"} 1") != std::string::npos;
    }

    std::string folder_;
    std::unique_ptr<EventLoop> loop_;
    config::Options options_;
    std::vector<Result<PreparedStore>> prepared_;
    std::vector<election::Decision> notes_;
    int grants_ = 0;
    election::Term acquiring_ = 0;  // said before the first grant
    bool finished_ = false;
};

TEST_F(Participants, LeadsAndSaysSo) {
    const auto participant = join("1");
    const auto before = participant->status();
    EXPECT_FALSE(before.leading);
    EXPECT_FALSE(before.holder_fresh);
    ASSERT_TRUE(turn_until([&] { return grants_ > 1; })) << "no renewal";
    const auto view = participant->status();
    EXPECT_TRUE(view.leading);
    EXPECT_EQ(view.role, "leader");
    EXPECT_EQ(view.holder, "me");
    EXPECT_TRUE(says_leading(*participant));
}

// A local search may be made meanwhile: nobody can have begun a term in between unnoticed.
TEST_F(Participants, SaysWhatItIsAboutToAcquire) {
    const auto participant = join("1");
    ASSERT_TRUE(turn_until([&] { return grants_ > 0; }));
    EXPECT_EQ(acquiring_, participant->election().grant()->term);
}

// The loop does not turn, as in a process that was stopped: what is asked first when it goes on is answered before any
// timer has had its turn.
TEST_F(Participants, IsNoLeaderPastTheSoftInstantWhateverTheLoopHasComeToDo) {
    const auto participant = join("1");
    ASSERT_TRUE(turn_until([&] { return participant->status().leading; }));
    EXPECT_TRUE(says_leading(*participant));
    const Instant soft = participant->election().grant()->soft;
    while (!reached_on_any_clock(soft, now())) {
    }
    const auto view = participant->status();
    EXPECT_EQ(participant->election().role(), election::Role::leader) << "the test is to ask before the machine knows";
    EXPECT_FALSE(view.leading);
    EXPECT_EQ(view.role, "stopping");
    EXPECT_EQ(view.holder, "");
    EXPECT_FALSE(view.holder_fresh);
    EXPECT_FALSE(says_leading(*participant));
}

// Somebody else may take the lease before it looks old to one who has only just seen it.
TEST_F(Participants, DoesNotTakeARecordOfAnEarlierStartForItsOwn) {
    {
        const auto killed = join("1");  // so nothing is released
        ASSERT_TRUE(turn_until([&] { return grants_ > 0; }));
    }
    notes_.clear();
    grants_ = 0;
    const auto participant = join("2");
    ASSERT_TRUE(turn_until([&] { return noted(election::Decision::waiting_for_holder) || grants_ > 0; }));
    ASSERT_EQ(grants_, 0) << "the record was to be found held";
    const auto view = participant->status();
    EXPECT_EQ(view.role, "standby");
    EXPECT_EQ(view.holder, "");
    EXPECT_FALSE(view.holder_fresh);
    EXPECT_TRUE(turn_until([&] { return participant->status().leading; }));
}

TEST_F(Participants, NamesAnotherHolder) {
    auto leader = join("1");
    ASSERT_TRUE(turn_until([&] { return leader->status().leading; }));
    options_.identity = "other";
    const auto standby = join("2");
    ASSERT_TRUE(turn_until([&] { return standby->status().holder_fresh; }));
    EXPECT_EQ(standby->status().holder, "me");
    EXPECT_FALSE(standby->status().leading);
}

// The answer to a revocation comes from inside the hook: it must not be overtaken by what the step still asks for.
TEST_F(Participants, ReleasesAtOnceWhenAskedToStop) {
    const auto participant = join("1");
    ASSERT_TRUE(turn_until([&] { return participant->status().leading; }));
    participant->deliver(election::StopRequested{});
    EXPECT_EQ(participant->election().role(), election::Role::releasing);
    EXPECT_FALSE(participant->status().leading);
    ASSERT_TRUE(turn_until([&] { return finished_; }));
    EXPECT_TRUE(noted(election::Decision::released));
    const std::vector<metrics::JournalEntry> entries = participant->status().journal;
    for (const auto& entry : entries) EXPECT_EQ(entry.text.find("workload"), std::string::npos) << entry.text;
}

// A successor on this machine is to start before these processes are taken down.
TEST_F(Participants, EndsAMomentAfterItsRelease) {
    const auto participant = join("1");
    ASSERT_TRUE(turn_until([&] { return participant->status().leading; }));
    const Instant told = now();
    participant->deliver(election::StopRequested{});
    ASSERT_TRUE(turn_until([&] { return noted(election::Decision::released); }));
    EXPECT_FALSE(finished_);
    ASSERT_TRUE(turn_until([&] { return finished_; }));
    EXPECT_GE(elapsed_at_most(told, now()), milliseconds(24));
}

TEST_F(Participants, EndsAtOnceWithoutATerm) {
    const auto leader = join("1");
    ASSERT_TRUE(turn_until([&] { return leader->status().leading; }));
    const auto standby = join("2");
    standby->deliver(election::StopRequested{});
    EXPECT_TRUE(finished_);
}

}  // namespace
}  // namespace leasehold::app
