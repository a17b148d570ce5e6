// SPDX-License-Identifier: Apache-2.0
#include "app/readiness.h"

#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace leasehold::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Start : public testing::Test {
protected:
    void SetUp() override {
        auto loop = EventLoop::create();
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
    }

    // By a command, unless the options say otherwise: what it finds is for the test to say.
    void make(supervisor::ReadyOptions options, UniqueFd notices = {}) {
        auto made = Readiness::create(*loop_, options, std::move(notices),
                                      {.say = [this](const Sentence& sentence) { said_ += sentence.text + "\n"; },
                                       .ready = [this] { ++ready_; },
                                       .never_ready = [this] { ++never_ready_; }});
        ASSERT_TRUE(made) << made.error().message;
        readiness_ = std::move(*made);
    }

    static supervisor::ReadyOptions by_a_command(Duration limit = {}) {
        supervisor::ReadyOptions options;
        options.probe.given = true;
        options.probe.exec = {"serves"};
        options.start_timeout = limit;
        return options;
    }

    bool turn_until(const std::function<bool()>& condition) {
        const Instant since = now();
        while (!condition()) {
            if (elapsed_at_most(since, now()) > seconds(30) || !loop_->run_once(milliseconds(20))) return false;
        }
        return true;
    }

    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<Readiness> readiness_;
    std::string said_;
    int ready_ = 0, never_ready_ = 0;
};

const ProbeNews kFailed{false, "status 1", 1, supervisor::ProbeJudge::State::unknown};
const ProbeNews kPassedOnce{true, "status 0", 0, supervisor::ProbeJudge::State::unknown};
const ProbeNews kPassing{true, "status 0", 0, supervisor::ProbeJudge::State::passing};

TEST_F(Start, NobodyAsksWhenNothingIsToBeAsked) {
    make({});
    readiness_->begin(17, now(), false);
    EXPECT_EQ(ready_, 1);
    EXPECT_TRUE(readiness_->ready());
    EXPECT_EQ(readiness_->words(), "");
    EXPECT_EQ(said_, "");
    readiness_->begin(17, now(), false);
    EXPECT_EQ(ready_, 1) << "the same process";
    readiness_->begin(18, now(), false);
    EXPECT_EQ(ready_, 2);
}

TEST_F(Start, OnePassMakesItReadyOnce) {
    make(by_a_command());
    readiness_->begin(17, now(), false);
    EXPECT_FALSE(readiness_->ready());
    EXPECT_EQ(readiness_->words(), "not probed yet");
    readiness_->probed(kFailed);
    EXPECT_EQ(readiness_->words(), "failed (1 in a row): status 1");
    readiness_->probed(kPassedOnce);
    EXPECT_FALSE(readiness_->ready()) << "the threshold of passes is not reached";
    readiness_->probed(kPassing);
    readiness_->probed(kPassing);
    readiness_->probed(kFailed);
    EXPECT_TRUE(readiness_->ready());
    EXPECT_EQ(ready_, 1);
    EXPECT_EQ(readiness_->words().find("ready after "), 0U) << readiness_->words();
    EXPECT_NE(said_.find("the workload is ready"), std::string::npos) << said_;
}

TEST_F(Start, EachIsAskedAnew) {
    make(by_a_command());
    readiness_->begin(17, now(), false);
    readiness_->probed(kPassing);
    readiness_->stopping();
    EXPECT_FALSE(readiness_->ready());
    readiness_->end();
    EXPECT_EQ(readiness_->words(), "");
    readiness_->begin(18, now(), false);
    EXPECT_FALSE(readiness_->ready());
    readiness_->stopping();
    readiness_->probed(kPassing);
    EXPECT_EQ(ready_, 1) << "what is stopping does not become ready";
}

TEST_F(Start, WhatWasReadyIsNotAskedAgain) {
    make(by_a_command(milliseconds(1)));
    readiness_->begin(17, now() + seconds(-10), true);
    EXPECT_TRUE(readiness_->ready());
    EXPECT_EQ(ready_, 1);
    EXPECT_EQ(readiness_->words(), "ready");
    EXPECT_EQ(said_, "");
}

// From the execution on, however often the agent was restarted since. It is said once, and acted on until something
// follows.
TEST_F(Start, HasALimit) {
    make(by_a_command(seconds(30)));
    readiness_->begin(17, now() + seconds(-31), false);
    ASSERT_TRUE(turn_until([&] { return never_ready_ >= 2; }));
    EXPECT_EQ(said_, "the workload is not ready within 30s (workload.ready.start_timeout)\n");
    readiness_->stopping();
    const int before = never_ready_;
    EXPECT_TRUE(turn_until([&, since = now()] { return elapsed_at_most(since, now()) > milliseconds(1500); }));
    EXPECT_EQ(never_ready_, before);
}

TEST_F(Start, TheLimitEndsWithIt) {
    make(by_a_command(milliseconds(300)));
    readiness_->begin(17, now(), false);
    readiness_->probed(kPassing);
    EXPECT_TRUE(turn_until([&, since = now()] { return elapsed_at_most(since, now()) > milliseconds(1000); }));
    EXPECT_EQ(never_ready_, 0);
}

// Whoever was stopped, or busy, for longer than the limit hears first what was said meanwhile.
TEST_F(Start, AWordInTimeCountsWhenItIsReadLate) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
    const int on = 1;
    ASSERT_EQ(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    supervisor::ReadyOptions options;
    options.probe.given = options.notify = true;
    options.start_timeout = seconds(1);
    make(options, UniqueFd(ends[0]));
    ASSERT_EQ(send(ends[1], "READY=1\nSTATUS=well", 19, 0), 19);
    readiness_->begin(getpid(), now() + seconds(-2), false);
    EXPECT_EQ(readiness_->words(), "not said yet");
    ASSERT_TRUE(turn_until([&] { return ready_ > 0; }));
    EXPECT_EQ(never_ready_, 0) << said_;
    EXPECT_EQ(readiness_->status(), "well");
    ASSERT_EQ(send(ends[1], "READY=1\nMAINPID=1", 17, 0), 17);
    ASSERT_EQ(send(ends[1], "STOPPING=1", 10, 0), 10);
    ASSERT_TRUE(turn_until([&] { return said_.find("is stopping") != std::string::npos; }));
    EXPECT_EQ(ready_, 1);
    EXPECT_NE(said_.find("MAINPID"), std::string::npos) << said_;
    close(ends[1]);
}

}  // namespace
}  // namespace leasehold::app
