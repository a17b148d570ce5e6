// SPDX-License-Identifier: Apache-2.0
#include "election/core/timing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenario_words.h"

namespace leasehold::election {

void PrintTo(const TimingProblem& problem, std::ostream* out) { *out << problem.key << ": " << problem.text; }

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Timing timing(Duration lease, Duration deadline, Duration retry) {
    return {.lease_duration = lease, .renew_deadline = deadline, .retry_period = retry};
}

// The value that a message suggests for `key`.
Duration suggested(const std::string& text, const std::string& key) {
    const std::size_t hint = text.find("these would work");
    const std::size_t at = text.find(key + ": ", hint);
    if (hint == std::string::npos || at == std::string::npos) ADD_FAILURE() << "no " << key << " suggested: " << text;
    const std::size_t from = at + key.size() + 2;
    return parse_duration(text.substr(from, text.find(',', from) - from));
}

TEST(Timing, margin_is_a_share_of_the_lease_and_the_time_for_a_kill) {
    EXPECT_EQ(Timing().margin(), milliseconds(400));
    EXPECT_EQ((Timing{.lease_duration = seconds(60), .clock_drift = 0.02, .kill_allowance = seconds(1)}).margin(),
              milliseconds(2200));
}

TEST(Timing, deadlines_count_from_the_sending_on_both_clocks) {
    const Instant sent{seconds(100), seconds(7)};
    EXPECT_EQ(Timing().soft(sent), (Instant{seconds(110), seconds(17)}));
    EXPECT_EQ(Timing().hard(sent), (Instant{milliseconds(114600), milliseconds(21600)}));
}

TEST(Timing, request_takes_a_third_of_what_is_left_within_bounds) {
    EXPECT_EQ(request_timeout(Timing(), seconds(9)), seconds(3));
    EXPECT_EQ(request_timeout(Timing(), seconds(3)), seconds(1));
    EXPECT_EQ(request_timeout(Timing(), seconds(2)), seconds(1));                // at least a tenth of the deadline
    EXPECT_EQ(request_timeout(Timing(), milliseconds(700)), milliseconds(700));  // and never past the limit
    EXPECT_LE(request_timeout(Timing(), Duration::zero()), Duration::zero());
    EXPECT_LE(request_timeout(Timing(), -seconds(1)), Duration::zero());
}

TEST(TimingCheck, accepts_what_can_hold) {
    EXPECT_THAT(check(Timing()), IsEmpty());
    EXPECT_THAT(check(timing(seconds(15), seconds(10), seconds(5))), IsEmpty());  // exactly two attempts
    EXPECT_THAT(check(timing(seconds(15), milliseconds(14599), seconds(2))), IsEmpty());
    EXPECT_THAT(check(timing(seconds(1), milliseconds(500), milliseconds(100))), IsEmpty());
    EXPECT_THAT(check(timing(hours(24), hours(16), seconds(2))), IsEmpty());
    EXPECT_THAT(check({.clock_drift = 0}), IsEmpty());
    EXPECT_THAT(check({.clock_drift = 0.1}), IsEmpty());
}

struct Refused {
    std::string name;
    Timing timing;
    std::string key;
    std::string inequality;
    bool suggests = true;
};

const Refused kRefused[] = {
    {"deadline_reaches_the_margin", timing(seconds(15), milliseconds(14600), seconds(2)), "renew_deadline",
     "renew_deadline (14.6s) must be less than lease_duration - margin = 15s - 400ms = 14.6s"},
    {"deadline_beyond_the_lease", timing(seconds(10), seconds(15), seconds(2)), "renew_deadline",
     "renew_deadline (15s) must be less than lease_duration - margin = 10s - 350ms = 9.65s"},
    {"margin_eats_the_lease",
     {.lease_duration = seconds(2), .renew_deadline = seconds(4), .kill_allowance = seconds(3)},
     "renew_deadline",
     "renew_deadline (4s) must be less than lease_duration - margin = 2s - 3.02s = -1.02s"},
    {"one_failure_would_end_it", timing(seconds(15), seconds(10), milliseconds(5001)), "retry_period",
     "2 * retry_period (2 * 5.001s) must not exceed renew_deadline (10s)"},
    {"no_deadline", timing(seconds(15), Duration::zero(), seconds(2)), "retry_period",
     "2 * retry_period (2 * 2s) must not exceed renew_deadline (0s)"},
    {"retry_too_short", timing(seconds(15), seconds(10), milliseconds(9)), "retry_period",
     "retry_period (9ms) must be at least 10ms"},
    {"retry_negative", timing(seconds(15), seconds(10), -seconds(2)), "retry_period",
     "retry_period (-2s) must be at least 10ms"},
    {"lease_too_short", timing(milliseconds(999), milliseconds(500), milliseconds(100)), "lease_duration",
     "lease_duration (999ms) must be at least 1s"},
    {"lease_too_long", timing(hours(25), seconds(10), seconds(2)), "lease_duration",
     "lease_duration (25h) must be at most 24h", false},
    {"drift_negative", {.clock_drift = -0.01}, "clock_drift", "between 0% and 10%", false},
    {"drift_absurd", {.clock_drift = 0.11}, "clock_drift", "between 0% and 10%", false},
    {"kill_in_no_time",
     {.kill_allowance = milliseconds(49)},
     "kill_allowance",
     "kill_allowance (49ms) must be at least 50ms",
     false},
};

void PrintTo(const Refused& row, std::ostream* out) { *out << row.name; }

class TimingRefused : public testing::TestWithParam<Refused> {};

TEST_P(TimingRefused, with_the_inequality_and_values_that_work) {
    const auto problems = check(GetParam().timing);
    ASSERT_THAT(problems, SizeIs(1));
    EXPECT_EQ(problems[0].key, GetParam().key);
    EXPECT_THAT(problems[0].text, HasSubstr(GetParam().inequality));
    if (!GetParam().suggests) return;
    Timing good = GetParam().timing;
    good.lease_duration = suggested(problems[0].text, "lease_duration");
    good.renew_deadline = suggested(problems[0].text, "renew_deadline");
    good.retry_period = suggested(problems[0].text, "retry_period");
    EXPECT_THAT(check(good), IsEmpty()) << problems[0].text;
}

INSTANTIATE_TEST_SUITE_P(Table, TimingRefused, testing::ValuesIn(kRefused),
                         [](const auto& row) { return row.param.name; });

TEST(TimingCheck, reports_every_inequality_in_one_go) {
    const auto problems = check(timing(seconds(5), seconds(5), seconds(3)));
    ASSERT_THAT(problems, SizeIs(2));
    EXPECT_EQ(problems[0].key, "renew_deadline");
    EXPECT_EQ(problems[1].key, "retry_period");
}

TEST(TimingCheck, suggests_what_works_for_every_lease_and_allowance) {
    for (Duration lease = seconds(1); lease <= hours(24); lease = lease * 7 / 5) {
        for (const Duration allowance :
             {Duration(milliseconds(50)), Duration(milliseconds(250)), Duration(seconds(3)), Duration(seconds(100))}) {
            Timing bad{.lease_duration = lease, .renew_deadline = lease, .kill_allowance = allowance};
            const auto problems = check(bad);
            ASSERT_FALSE(problems.empty());
            bad.lease_duration = suggested(problems[0].text, "lease_duration");
            bad.renew_deadline = suggested(problems[0].text, "renew_deadline");
            bad.retry_period = suggested(problems[0].text, "retry_period");
            EXPECT_THAT(check(bad), IsEmpty()) << problems[0].text;
        }
    }
}

TEST(TimingCheck, leaves_the_usual_values_what_they_are) {
    const auto problems = check(timing(seconds(15), seconds(15), seconds(2)));
    ASSERT_THAT(problems, SizeIs(1));
    EXPECT_THAT(problems[0].text, HasSubstr("lease_duration: 15s, renew_deadline: 10s, retry_period: 2s"));
}

TEST(TimingBudget, says_what_an_operator_asks) {
    const Budget said = budget(Timing());
    EXPECT_EQ(said.outage_tolerated, seconds(10));
    EXPECT_EQ(said.outage_tolerated_worst, seconds(8));
    EXPECT_EQ(said.forced_stop_time, milliseconds(4600));
    EXPECT_EQ(said.takeover_at_most, seconds(15));
    EXPECT_EQ(said.takeover_at_least, seconds(13));
}

}  // namespace
}  // namespace leasehold::election
