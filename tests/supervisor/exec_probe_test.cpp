// SPDX-License-Identifier: Apache-2.0
//
// Commands as probes, as children of the test.
#include "supervisor/exec_probe.h"

#include <csignal>

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace leasehold::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = ExecOutcome::Kind;

ProbeOptions often(Duration timeout = seconds(30)) {
    ProbeOptions options;
    options.interval = milliseconds(20);
    options.timeout = timeout;
    options.failure_threshold = 2;
    return options;
}

Result<Spawned> shell(const std::string& script) {
    const pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
        _exit(99);
    }
    setpgid(pid, pid);
    Spawned spawned;
    spawned.pid = pid;
    return spawned;
}

class ExecProbes : public testing::Test {
protected:
    void TearDown() override {
        if (!probe_) return;
        probe_->end();
        none_left_ = false;
        EXPECT_TRUE(turn_until([this] { return none_left_; }));
    }

    void probe_with(const std::string& script, const ProbeOptions& options = often()) {
        probe_ = std::make_unique<ExecProbe>(options, 1, [this, script] {
            auto spawned = shell(script);
            last_ = spawned->pid;
            ++starts_;
            return spawned;
        });
        probe_->begin(now());
    }

    void turn() {
        none_left_ = reap([this](const Exit& exit) { hear(probe_->reaped(exit, now())); }, {},
                          [this](pid_t pid) { probe_->has_ended(pid); });
        hear(probe_->tick(now(), may_start_));
        usleep(1000);
    }
    void hear(const std::optional<ExecOutcome>& outcome) {
        if (outcome) heard_.push_back(*outcome);
    }
    bool turn_until(const std::function<bool()>& condition) {
        const Instant begin = now();
        while (!condition() && elapsed_at_most(begin, now()) < seconds(60)) turn();
        return condition();
    }
    bool hears(std::size_t count) {
        return turn_until([&] { return heard_.size() >= count; });
    }

    std::unique_ptr<ExecProbe> probe_;
    std::vector<ExecOutcome> heard_;
    pid_t last_ = -1;
    int starts_ = 0;
    bool may_start_ = true;
    bool none_left_ = false;
};

TEST_F(ExecProbes, TheStatusDecides) {
    probe_with("exit 0");
    ASSERT_TRUE(hears(2));
    EXPECT_EQ(heard_[0].kind, Kind::passed);
    probe_with("exit 3");
    heard_.clear();
    ASSERT_TRUE(hears(2));
    EXPECT_EQ(heard_[0].kind, Kind::failed);
    EXPECT_EQ(heard_[0].detail, 3);
    EXPECT_FALSE(heard_[0].failing);
    EXPECT_EQ(heard_[1].failures, 2);
    EXPECT_TRUE(heard_[1].failing);
    probe_with("kill -SEGV $$");
    heard_.clear();
    ASSERT_TRUE(hears(1));
    EXPECT_EQ(heard_[0].detail, 128 + SIGSEGV);
}

TEST_F(ExecProbes, WhatTakesTooLongIsKilledWithItsGroup) {
    probe_with("trap '' TERM; sleep 1000 & sleep 1000", often(milliseconds(100)));
    ASSERT_TRUE(hears(1));
    EXPECT_EQ(heard_[0].kind, Kind::timed_out);
    EXPECT_TRUE(turn_until([group = last_] { return kill(-group, 0) != 0; }));
    ASSERT_TRUE(hears(2));
    EXPECT_LE(starts_, static_cast<int>(heard_.size()) + 1) << "one outcome for each";
}

TEST_F(ExecProbes, WhatIsLeftOfItsGroupIsKilledToo) {
    probe_with("sleep 1000 & exit 0");
    ASSERT_TRUE(hears(1));
    EXPECT_TRUE(turn_until([group = last_] { return kill(-group, 0) != 0; }));
}

TEST_F(ExecProbes, TheEndIsSilentAndDeadly) {
    probe_with("trap '' TERM; while :; do sleep 1; done");
    ASSERT_TRUE(turn_until([&] { return starts_ == 1; }));
    probe_->end();
    EXPECT_TRUE(turn_until([pid = last_] { return kill(pid, 0) != 0; }));
    EXPECT_EQ(probe_->wake(now()), std::nullopt);
    EXPECT_TRUE(heard_.empty());
    EXPECT_EQ(starts_, 1);
}

// Its tree ends, which says nothing about what was asked.
TEST_F(ExecProbes, WhatIsWithdrawnIsKilledAndAskedAgain) {
    probe_with("exec sleep 1000");
    ASSERT_TRUE(turn_until([this] { return starts_ == 1; }));
    const pid_t first = last_;
    probe_->withdraw(now());
    ASSERT_TRUE(turn_until([this] { return starts_ == 2; }));
    EXPECT_EQ(kill(first, 0), -1);
    EXPECT_TRUE(heard_.empty());
    probe_->begin_anew(now());
    ASSERT_TRUE(turn_until([this] { return starts_ == 3; }));
    EXPECT_TRUE(heard_.empty());
}

TEST_F(ExecProbes, OneAtATime) {
    probe_with("sleep 0.2");
    ASSERT_TRUE(hears(3));
    EXPECT_LE(starts_, 4);
}

TEST_F(ExecProbes, NoneBeginsWhileThatIsNotWanted) {
    may_start_ = false;
    probe_with("exit 0");
    const Instant begin = now();
    turn_until([&] { return elapsed_at_least(begin, now()) > milliseconds(200); });
    EXPECT_EQ(starts_, 0);
    may_start_ = true;
    EXPECT_TRUE(hears(1));
}

TEST_F(ExecProbes, WhatCannotBeStartedHasFailed) {
    probe_ = std::make_unique<ExecProbe>(often(), 1,
                                         []() -> Result<Spawned> { return failure("no more processes", EAGAIN); });
    probe_->begin(now());
    ASSERT_TRUE(hears(2));
    EXPECT_EQ(heard_[0].kind, Kind::unusable);
    EXPECT_EQ(heard_[0].detail, EAGAIN);
    EXPECT_TRUE(heard_[1].failing);
}

// As one in uninterruptible sleep: it was killed, and nobody ever hears of its end.
TEST_F(ExecProbes, WhatDoesNotDieIsAFailureForEachTimeout) {
    const pid_t nobody = 1 << 30;  // more than any process number
    probe_ = std::make_unique<ExecProbe>(often(milliseconds(50)), 1, [nobody] {
        Spawned spawned;
        spawned.pid = nobody;
        return Result<Spawned>(std::move(spawned));
    });
    probe_->begin(now());
    ASSERT_TRUE(hears(3));
    EXPECT_TRUE(heard_[2].failing);
    EXPECT_EQ(heard_[2].kind, Kind::timed_out);
    EXPECT_FALSE(probe_->reaped({nobody, true, 137}, now()));
    ASSERT_TRUE(hears(4)) << "and goes on when it has died";
}

}  // namespace
}  // namespace leasehold::supervisor
