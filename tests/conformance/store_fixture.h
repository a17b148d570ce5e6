// SPDX-License-Identifier: Apache-2.0
//
// What tests of any store need: records, and a loop on which a store is asked and waited for.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/event_loop.h"
#include "election/stores/store.h"

namespace leasehold::stores {

// Turns the loop until the condition holds. False when it did not come true within a time that no machine needs.
template <class Condition>
bool turn_until(EventLoop& loop, const Condition& condition) {
    const Instant begin = now();
    while (!condition()) {
        if (elapsed_at_most(begin, now()) > std::chrono::seconds(60)) return false;
        if (!loop.run_once(std::chrono::milliseconds(20))) return false;
    }
    return true;
}

inline election::Record sample_record(const std::string& holder, std::uint64_t transitions = 1) {
    election::Record record;
    record.holder = holder;
    record.lease_duration = std::chrono::seconds(15);
    record.acquire_time_us = 1'700'000'000'000'001;
    record.renew_time_us = 1'700'000'000'000'002;
    record.transitions = transitions;
    record.incarnation = "incarnation-of-" + holder;
    record.write_id = "1.1." + std::to_string(transitions);
    return record;
}

inline WriteRequest creation(const election::Record& record) { return {true, {}, record}; }
inline WriteRequest replacement(const election::Version& expected, const election::Record& record) {
    return {false, expected, record};
}

// The store that was asked for. One that cannot be opened ends the test.
inline std::unique_ptr<Store> opened(Result<std::unique_ptr<Store>> store) {
    if (!store) throw std::runtime_error(store.error().message);
    return std::move(*store);
}

class StoreFixture : public testing::Test {
protected:
    static constexpr Duration kAmple = std::chrono::seconds(50);

    election::ReadOutcome read(Store& store, Duration timeout = kAmple) {
        std::optional<election::ReadOutcome> answer;
        store.read(timeout, [&](election::ReadOutcome outcome) { answer = std::move(outcome); });
        EXPECT_FALSE(answer) << "called back from inside the call";
        EXPECT_TRUE(turn_until(*loop_, [&] { return answer.has_value(); })) << "no answer";
        return answer.value_or(election::ReadOutcome{});
    }

    election::WriteOutcome write(Store& store, WriteRequest request, Duration timeout = kAmple) {
        std::optional<election::WriteOutcome> answer;
        store.write(std::move(request), timeout, [&](election::WriteOutcome outcome) { answer = std::move(outcome); });
        EXPECT_FALSE(answer) << "called back from inside the call";
        EXPECT_TRUE(turn_until(*loop_, [&] { return answer.has_value(); })) << "no answer";
        return answer.value_or(election::WriteOutcome{});
    }

    // The version of a write that has to succeed.
    static election::Version must(const election::WriteOutcome& outcome) {
        EXPECT_EQ(outcome.status, election::WriteStatus::applied) << outcome.reason << ": " << outcome.detail;
        return outcome.version;
    }

    // From now on what the store tells is in seen_ and broken_.
    void watch(Store& store) {
        store.watch({.seen = [this](election::Snapshot snapshot) { seen_.push_back(std::move(snapshot)); },
                     .broken = [this](const std::string& reason) { broken_.push_back(reason); }});
    }

    // Waits until the watch's last word is a record with this number of transitions.
    bool sees(std::uint64_t transitions) {
        return turn_until(*loop_, [&] { return !seen_.empty() && seen_.back().record.transitions == transitions; });
    }

    const std::unique_ptr<EventLoop> loop_ = [] {
        auto loop = EventLoop::create();
        if (!loop) throw std::runtime_error(loop.error().message);
        return std::move(*loop);
    }();
    std::vector<election::Snapshot> seen_;
    std::vector<std::string> broken_;
};

}  // namespace leasehold::stores
