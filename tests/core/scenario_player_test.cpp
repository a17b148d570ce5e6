// SPDX-License-Identifier: Apache-2.0
//
// The player of the stories, shown to notice what it is there to notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenario.h"

namespace leasehold::election {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

// A machine that does what it is told, for good or ill.
class Puppet : public Machine {
public:
    using Steps = std::function<Step(const Event&)>;
    explicit Puppet(Steps steps) : steps_(std::move(steps)) {}
    Step step(Instant, const Event& event) override { return steps_(event); }
    Role role() const override { return Role::standby; }
    std::optional<Duration> free_in(Instant) const override { return std::nullopt; }

private:
    Steps steps_;
};

std::string complaint(const std::string& story, const Puppet::Steps& steps) {
    try {
        replay(story, [&](const Settings&, const Past&, Instant) { return std::make_unique<Puppet>(steps); });
    } catch (const std::exception& error) {
        return error.what();
    }
    return "none";
}

std::string complaint(const std::string& story) {
    try {
        replay(story);
    } catch (const std::exception& error) {
        return error.what();
    }
    return "none";
}

TEST(ScenarioPlayer, replaces_what_was_expected_by_what_happened) {
    EXPECT_EQ(replay("# rule\nat 0s start\n  > grant everything\n"), "# rule\nat 0s start\n  > read within 3.333s\n");
}

TEST(ScenarioPlayer, tells_oddities_of_a_written_record) {
    const auto steps = [](const Event&) {
        DoWrite write;
        write.record.holder = "someone";
        write.record.released = true;
        return Step{{write}, seconds(1)};
    };
    const auto make = [&](const Settings&, const Past&, Instant) { return std::make_unique<Puppet>(steps); };
    EXPECT_THAT(replay("start\n", make), HasSubstr("holder=someone incarnation= duration=0s WRONG RELEASE MARK"));
}

TEST(ScenarioPlayer, notices_a_machine_that_spins) {
    const auto spin = [](const Event&) { return Step{{}, Duration::zero()}; };
    EXPECT_THAT(complaint("start\n", spin), HasSubstr("spins"));
}

TEST(ScenarioPlayer, notices_a_wake_up_in_the_past) {
    const auto late = [](const Event&) { return Step{{}, -seconds(1)}; };
    EXPECT_THAT(complaint("start\n", late), HasSubstr("in the past"));
}

TEST(ScenarioPlayer, notices_two_writes_at_once) {
    const auto write = [](const Event&) { return Step{{DoWrite{}}, seconds(1)}; };
    EXPECT_THAT(complaint("start\ntick\n", write), HasSubstr("line 2 (tick): a second write while one is under way"));
}

TEST(ScenarioPlayer, does_not_skip_what_happens_in_between) {
    const auto busy = [](const Event&) { return Step{{Note{}}, seconds(1)}; };
    EXPECT_THAT(complaint("start\nat 5s tick\n", busy), HasSubstr("before that, at 1s: note attempting"));
}

TEST(ScenarioPlayer, wants_answers_in_time) {
    EXPECT_THAT(complaint("start\nafter 4s read -> absent\n"), HasSubstr("the answer comes after its timeout"));
    EXPECT_THAT(complaint("start\nfreeze 4s read -> absent\n"), "none");
}

TEST(ScenarioPlayer, refuses_what_it_does_not_understand) {
    EXPECT_THAT(complaint("start\nread -> present colour=red\n"), HasSubstr("not understood: colour"));
    EXPECT_THAT(complaint("start\nwrite -> applied version=1\n"), HasSubstr("there is no write to answer"));
    EXPECT_THAT(complaint("start\nfly\n"), HasSubstr("no such event: fly"));
    EXPECT_THAT(complaint("at 5x start\n"), HasSubstr("not a duration: 5x"));
    EXPECT_THAT(complaint("at 5s start\nat 4s tick\n"), HasSubstr("time does not go back"));
}

}  // namespace
}  // namespace leasehold::election
