// SPDX-License-Identifier: Apache-2.0
//
// What can happen to a watch, and how it goes on.
#include "election/stores/kubernetes/watch.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "base/clock.h"
#include "tests/kubernetes/store_fixture.h"

namespace leasehold::stores::kubernetes {
namespace {

using testing::HasSubstr;

class Watch : public StoreTest {};

TEST_F(Watch, AWatchGoesOnWhereItEndedWithoutAWord) {
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

// Or else a hundred candidates would ask for a lease of which each of them could know that it is taken.
TEST_F(Watch, AReleaseThatComesTogetherWithTheNextLeaderIsNotTold) {
    auto version = made();
    watch();
    ASSERT_TRUE(watch_sees(version));
    election::Record released = sample_record("a", 1);
    released.released = true;
    const auto release_and_take = [&] {
        cluster_.mute = true;
        version = write(replacement(version, released)).version;
        version = write(replacement(version, sample_record("b", 2))).version;
        cluster_.mute = false;
        cluster_.tell_watches("");
        ASSERT_TRUE(watch_sees(version));
    };
    cluster_.piece = 1 << 20;
    release_and_take();
    EXPECT_EQ(seen_by_watch_.size(), 2U);
    cluster_.piece = 100;
    release_and_take();
    EXPECT_EQ(seen_by_watch_.size(), 4U) << "one at a time, each is told";
}

TEST_F(Watch, AReleaseThatComesTogetherWithNothingNewIsTold) {
    auto version = made();
    const std::unique_ptr<Store> watching = std::move(store_);
    store_ = open();  // who writes, so that the release is not the watcher's own
    watching->watch({.seen = [this](election::Snapshot seen) { seen_by_watch_.push_back(std::move(seen)); },
                     .broken = [this](const std::string& reason) { broken_.push_back(reason); }});
    ASSERT_TRUE(watch_sees(version));
    cluster_.piece = 1 << 20;
    election::Record released = sample_record("a", 2);
    released.released = true;
    for (const char* what_follows : {R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"150"}}})",
                                     R"({"type":"ERROR","object":{"kind":"Status","code":500}})", "{"}) {
        cluster_.mute = true;
        version = write(replacement(version, sample_record("a", 1))).version;
        version = write(replacement(version, released)).version;
        cluster_.mute = false;
        cluster_.tell_watches(what_follows + std::string("\n"));
        ASSERT_TRUE(watch_sees(version)) << what_follows;
        EXPECT_TRUE(seen_by_watch_.back().record.released);
    }
}

TEST_F(Watch, ABookmarkMovesTheWatchOn) {
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

TEST_F(Watch, AForgottenPositionStartsTheWatchAnew) {
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

TEST_F(Watch, AWatchThatSaysLessThanAReadIsStartedAnew) {
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

// 20 attempts a second it would be otherwise.
TEST_F(Watch, AWatchThatEndsAsSoonAsItBeginsIsTriedLessAndLessOften) {
    std::vector<Instant> attempts;
    cluster_.interfere = [&](const http::Request&) {
        attempts.push_back(now());
        return std::optional(page(200, ""));
    };
    watch();
    ASSERT_TRUE(turn_until(*loop_, [&] { return attempts.size() == 6; }));
    // Half of 100, 200, 400, 800 and 1600 ms.
    EXPECT_GE(elapsed_at_most(attempts.front(), attempts.back()), std::chrono::milliseconds(1500));
    EXPECT_THAT(broken_, testing::Contains(HasSubstr("ended_early: ")));
}

// A list of old news at each attempt is no better.
TEST_F(Watch, AWatchThatHasNothingNewIsTriedLessAndLessOftenToo) {
    made();
    const Json object = *cluster_.find(kTarget);
    std::vector<Instant> attempts;
    cluster_.interfere = [&](const http::Request&) {
        attempts.push_back(now());
        return std::optional(page(200, Json{{"type", "ADDED"}, {"object", object}}.dump() + "\n" +
                                           R"({"type":"ERROR","object":{"code":410}})" + "\n"));
    };
    watch();
    ASSERT_TRUE(turn_until(*loop_, [&] { return attempts.size() == 7; }));
    EXPECT_GE(elapsed_at_most(attempts[1], attempts.back()), std::chrono::milliseconds(1500));
}

TEST_F(Watch, ARefusalOfTheWatchIsSaidOnceAndSoIsItsEnd) {
    auto version = made();
    const auto denied = [](const char* what) {
        return std::optional(FakeCluster::status(
            403, "Forbidden", std::string("User \"jane\" cannot watch resource \"leases\" ") + what));
    };
    int attempts = 0;
    cluster_.interfere = [&](const http::Request&) {
        ++attempts;
        return denied("in the namespace \"ns\"");
    };
    const CapturedLog captured;
    watch();
    EXPECT_TRUE(turn_until(*loop_, [&] { return attempts == 4; }));
    cluster_.interfere = nullptr;
    version = write(replacement(version, sample_record("a", 2))).version;
    EXPECT_TRUE(watch_sees(version));
    const std::string log = CapturedLog::text();
    const auto times_said = [&](const std::string& text) {
        int times = 0;
        for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++times;
        return times;
    };
    EXPECT_EQ(times_said("watch of leases.coordination.k8s.io ns/lock"), 1) << log;
    EXPECT_EQ(times_said("User \"jane\" cannot watch"), 1) << log;
    EXPECT_EQ(times_said("the watch works again"), 1) << log;
    EXPECT_THAT(broken_, testing::Contains(HasSubstr("forbidden: watch of leases")));
}

TEST_F(Watch, ARefusalOfTheWatchThatDoesNotEndIsTriedAgain) {
    auto version = made();
    cluster_.refusals_go_on = true;
    instead_of("GET", FakeCluster::status(403, "Forbidden", "no"));
    watch();
    version = write(replacement(version, sample_record("a", 2))).version;
    ASSERT_TRUE(watch_sees(version));
    EXPECT_THAT(broken_, testing::ElementsAre(HasSubstr("HTTP 403")));
}

TEST_F(Watch, AClusterThatWasTakenBackIsWatchedFromThereOn) {
    auto version = made();
    watch();
    version = write(replacement(version, sample_record("a", 2))).version;
    ASSERT_TRUE(watch_sees(version));
    cluster_.take_back(50);
    const auto restored = read().snapshot.version;
    ASSERT_LT(restored.number, version.number);
    EXPECT_THAT(broken_, testing::ElementsAre("versions_went_back"));
    version = write(replacement(restored, sample_record("a", 3))).version;
    ASSERT_TRUE(watch_sees(version));
    // And it notices again when it is not told.
    broken_.clear();
    cluster_.mute = true;
    version = write(replacement(version, sample_record("a", 4))).version;
    cluster_.mute = false;
    ASSERT_TRUE(watch_sees(version));
    EXPECT_THAT(broken_, testing::ElementsAre("stalled"));
}

TEST_F(Watch, WhateverAWatchSaysItGoesOn) {
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

}  // namespace
}  // namespace leasehold::stores::kubernetes
