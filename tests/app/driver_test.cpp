// SPDX-License-Identifier: Apache-2.0
#include "app/driver.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace leasehold::app {
namespace {

using election::Presence;
using election::Snapshot;

// Holds one state for ever, answers reads at once, and writes never.
class StillStore : public stores::Store {
public:
    StillStore(Snapshot state, std::vector<std::string>& told) : state_(std::move(state)), told_(told) {}

    void read(Duration, ReadCallback done) override { done({election::ReadStatus::ok, state_, {}, {}}); }
    void write(stores::WriteRequest, Duration, WriteCallback) override { told_.emplace_back("write"); }
    void watch(Watcher watcher) override { watcher.seen(state_); }
    std::string describe() const override { return "still"; }

private:
    Snapshot state_;
    std::vector<std::string>& told_;
};

// What is begun, in order, by somebody who finds this.
std::vector<std::string> begun_upon(const Snapshot& state) {
    std::vector<std::string> told;
    StillStore store(state, told);
    auto loop = EventLoop::create();
    election::Election election({.identity = "me", .incarnation = "1", .timing = {}}, {}, now());
    auto driver = Driver::create(**loop, store, std::move(election),
                                 {.grant = {},
                                  .revoke = {},
                                  .acquiring = [&](election::Term) { told.emplace_back("acquiring"); },
                                  .note = [](const election::Note&) {},
                                  .finished = {},
                                  .request = [](const char*, const std::string&, Duration, const std::string&) {},
                                  .watch_broken = {},
                                  .renewed = {},
                                  .stepped = [] {}});
    EXPECT_TRUE(driver);
    (*driver)->start();
    return told;
}

Snapshot absence(std::uint64_t number) {
    Snapshot state;
    state.presence = Presence::absent;
    state.version.number = number;
    state.never_written = true;
    return state;
}

TEST(Driver, SaysThatItAcquiresWhatNobodyElseCanHaveHadSince) {
    const std::vector<std::string> both{"write", "acquiring"};
    EXPECT_EQ(begun_upon(absence(1)), both);
    Snapshot released;
    released.presence = Presence::present;
    released.version = {7, "a"};
    released.record.released = true;
    EXPECT_EQ(begun_upon(released), both);
}

// The record may have been made and deleted again, and its holder's workload be here.
TEST(Driver, DoesNotSaySoOverAnAbsenceThatIsLikeAnyOther) {
    EXPECT_EQ(begun_upon(absence(0)), std::vector<std::string>{"write"});
}

}  // namespace
}  // namespace leasehold::app
