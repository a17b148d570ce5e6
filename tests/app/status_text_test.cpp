// SPDX-License-Identifier: Apache-2.0
#include "app/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/status.h"

namespace leasehold::app {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double kNow = 1'700'000'100;

metrics::StatusView standby() {
    metrics::StatusView view;
    view.version = "1.2.3";
    view.identity = "alpha";
    view.election = "billing";
    view.store = "file /x.lease";
    view.role = "standby";
    view.store_answered = true;
    view.workload_state = "stopped";
    view.role_since_unix_seconds = kNow - 20;
    return view;
}

std::string page(const metrics::StatusView& view) { return status_text(Json::parse(metrics::status_json(view)), kNow); }

TEST(StatusText, SaysThatItLeadsAndForHowLongYet) {
    metrics::StatusView view = standby();
    view.role = "leader";
    view.leading = true;
    view.role_since_unix_seconds = kNow - 200;
    view.lease_left_seconds = 12.34;
    view.soft_in_seconds = 7.34;
    view.hard_in_seconds = 11.9;
    view.term = 3;
    view.fencing_token = 77;
    view.workload_state = "running";
    view.workload_pid = 4711;
    view.workload_last_exit_code = 143;
    view.readiness = "ready after 2s: READY=1";
    view.workload_status = "serving";
    view.health = "passed: status 200";
    view.last_errors = {"one", "two", "three", "four"};
    for (int i = 0; i < 20; ++i) view.journal.push_back({kNow - 20 + i, "decision " + std::to_string(i) + "."});
    const std::string text = page(view);
    EXPECT_THAT(text, HasSubstr("billing: this candidate LEADS since 2023-11-14 22:11:40 UTC (3m20s)"));
    EXPECT_THAT(text,
                HasSubstr("12s left; unless it is renewed, the workload is asked to stop in 7.3s and killed in 12s"));
    EXPECT_THAT(text, HasSubstr("3 of this start, fencing token 77"));
    EXPECT_THAT(text, HasSubstr("running, process 4711; last ended with 143"));
    EXPECT_THAT(text, HasSubstr("ready after 2s: READY=1\n"));
    EXPECT_THAT(text, HasSubstr("serving\n"));
    EXPECT_THAT(text, HasSubstr("passed: status 200\n"));
    EXPECT_THAT(text, HasSubstr("two\n  three\n  four\n"));
    EXPECT_THAT(text, Not(HasSubstr("one\n")));
    EXPECT_THAT(text, HasSubstr("2023-11-14 22:14:59  decision 19.\n"));
    EXPECT_THAT(text, Not(HasSubstr("decision 9.")));
    EXPECT_THAT(text, Not(HasSubstr("why not")));
}

TEST(StatusText, SaysWhatAWorkloadThatDoesNotRunWaitsFor) {
    metrics::StatusView view = standby();
    view.role = "leader";
    view.leading = true;
    view.workload_state = "stopped";
    view.standby = metrics::StandbyView{"stopping", 815, {}};
    EXPECT_THAT(page(view), HasSubstr("workload       waits until the standby command has ended\n"));
    view.standby->state = "stopped";
    EXPECT_THAT(page(view), HasSubstr("workload       stopped"));
    view.workload_hook = "before_start";
    EXPECT_THAT(page(view), HasSubstr("hook           workload.hooks.before_start is being executed\n"));
    view.workload_hook = "stop";
    EXPECT_THAT(page(view), HasSubstr("hook           workload.stop.command is being executed\n"));
}

TEST(StatusText, SaysWhyItDoesNotLead) {
    metrics::StatusView view = standby();
    view.holder = "beta";
    view.holder_fresh = true;
    view.standby = metrics::StandbyView{"running", 815, 3};
    view.holder_since_unix_seconds = kNow - 7200;
    view.lease_left_seconds = 3.21;
    std::string text = page(view);
    EXPECT_THAT(page(view), HasSubstr("standby        running, process 815; last ended with 3\n"));
    EXPECT_THAT(text, HasSubstr("billing: standby; beta leads since 2023-11-14 20:15:00 UTC (2h)"));
    EXPECT_THAT(text, HasSubstr("why not leader beta holds the lease; it is free in 3.2s unless it is renewed"));

    view.paused = true;
    view.hindrances = {"it is paused", "it rests"};
    text = page(view);
    EXPECT_THAT(text, HasSubstr("why not leader it is paused\n                 it rests\n                 beta holds"));
    EXPECT_THAT(text, HasSubstr("nothing is done by itself until 'leasehold resume'"));

    view = standby();
    view.free_in_seconds = 14.6;
    EXPECT_THAT(page(view), HasSubstr("the lease may be tried in 15s, if nothing changes"));
    view.free_in_seconds = 0;
    EXPECT_THAT(page(view), HasSubstr("the lease is free to be tried"));
    view.free_in_seconds.reset();
    EXPECT_THAT(page(view), HasSubstr("the lease cannot be told to be free"));
    view.store_answered = false;
    EXPECT_THAT(page(view), HasSubstr("the store has not answered yet"));
    view.role = "releasing";
    EXPECT_THAT(page(view), HasSubstr("its term is being ended (releasing)"));
}

TEST(StatusText, GivesNobodysBytesToTheTerminal) {
    metrics::StatusView view = standby();
    view.holder = "\x1b[2Jbeta";
    view.holder_fresh = true;
    view.hindrances = {"\x1b]0;x\x07"};
    view.journal = {{kNow, "\x1b[31m"}};
    view.last_errors = {"\x1b[32m"};
    const std::string text = page(view);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\x07'), std::string::npos);
}

// Of another version, say.
TEST(StatusText, MakesDoWithWhateverIsThere) {
    for (const char* odd : {"null", "[]", "7", "{}", R"({"journal":[1,{}],"last_errors":[{}],"workload":[]})",
                            R"({"role":7,"leading":"yes","workload":{"pid":"x"},"hindrances":{}})",
                            R"({"leading":true,"soft_in_seconds":1e300,"role_since_seconds":-1e300})"}) {
        EXPECT_NE(status_text(Json::parse(odd), kNow), "") << odd;
    }
}

}  // namespace
}  // namespace leasehold::app
