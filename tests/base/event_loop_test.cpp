// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <csignal>

#include "base/clock.h"

namespace leasehold {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Two connected ends: what is written to `there` can be read from `here`.
struct Pair {
    Pair() {
        std::array<int, 2> ends{};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) std::abort();
        here.reset(ends[0]);
        there.reset(ends[1]);
    }
    void poke() { ASSERT_EQ(write(there.get(), "x", 1), 1); }

    UniqueFd here;
    UniqueFd there;
};

class EventLoopTest : public testing::Test {
protected:
    void SetUp() override {
        auto made = EventLoop::create();
        ASSERT_TRUE(made) << made.error().message;
        loop_ = std::move(*made);
    }
    void watch(int fd, EventLoop::Callback callback) {
        const auto done = loop_->watch(fd, EPOLLIN, std::move(callback));
        ASSERT_TRUE(done) << done.error().message;
    }
    void round(Duration limit = Duration::zero()) { ASSERT_TRUE(loop_->run_once(limit)); }

    std::unique_ptr<EventLoop> loop_;
};

TEST_F(EventLoopTest, calls_back_for_as_long_as_the_descriptor_is_ready) {
    Pair pair;
    int calls = 0;
    std::uint32_t bits = 0;
    watch(pair.here.get(), [&](std::uint32_t events) { ++calls, bits = events; });
    round();
    EXPECT_EQ(calls, 0);
    pair.poke();
    round();
    round();
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(bits, std::uint32_t{EPOLLIN});
    char byte = 0;
    ASSERT_EQ(read(pair.here.get(), &byte, 1), 1);
    round();
    EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, watching_again_replaces_events_and_callback) {
    Pair pair;
    int first = 0;
    int second = 0;
    watch(pair.here.get(), [&](std::uint32_t) { ++first; });
    ASSERT_TRUE(loop_->watch(pair.here.get(), EPOLLOUT, [&](std::uint32_t) { ++second; }));
    round();
    EXPECT_EQ(first, 0);
    EXPECT_EQ(second, 1);
}

TEST_F(EventLoopTest, a_callback_may_unwatch_itself) {
    Pair pair;
    const auto alive = std::make_shared<int>(0);
    watch(pair.here.get(), [this, &pair, alive](std::uint32_t) {
        loop_->unwatch(pair.here.get());
        ++*alive;  // what the callback captured is still there
    });
    pair.poke();
    round();
    round();
    EXPECT_EQ(*alive, 1);
    EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(EventLoopTest, a_callback_may_replace_itself) {
    Pair pair;
    int second = 0;
    const auto alive = std::make_shared<int>(0);
    watch(pair.here.get(), [this, &pair, &second, alive](std::uint32_t) {
        watch(pair.here.get(), [&second](std::uint32_t) { ++second; });
        ++*alive;
    });
    pair.poke();
    round();
    round();
    EXPECT_EQ(*alive, 1);
    EXPECT_EQ(second, 1);
}

TEST_F(EventLoopTest, makes_no_callback_that_another_one_of_the_same_round_has_unwatched) {
    Pair one;
    Pair two;
    int calls = 0;
    const auto only_me = [&](std::uint32_t) {
        ++calls;
        loop_->unwatch(one.here.get());
        loop_->unwatch(two.here.get());
    };
    watch(one.here.get(), only_me);
    watch(two.here.get(), only_me);
    one.poke();
    two.poke();
    round();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, does_not_take_a_new_descriptor_for_the_old_one_of_the_same_number) {
    Pair one;
    Pair two;
    Pair idle;
    int wrong = 0;
    const auto replace = [&](Pair& mine, Pair& other) {
        loop_->unwatch(mine.here.get());
        loop_->unwatch(other.here.get());
        ASSERT_EQ(dup2(idle.here.get(), other.here.get()), other.here.get());
        watch(other.here.get(), [&](std::uint32_t) { ++wrong; });
    };
    watch(one.here.get(), [&](std::uint32_t) { replace(one, two); });
    watch(two.here.get(), [&](std::uint32_t) { replace(two, one); });
    one.poke();
    two.poke();
    round();
    EXPECT_EQ(wrong, 0);
}

TEST_F(EventLoopTest, forgets_what_was_closed_before) {
    Pair one;
    Pair idle;
    int wrong = 0;
    const int number = one.here.get();
    watch(number, [&](std::uint32_t) { ++wrong; });
    one.here.reset();
    loop_->forget(number);
    ASSERT_EQ(dup2(idle.here.get(), number), number);
    one.here.reset(number);
    int calls = 0;
    watch(number, [&](std::uint32_t) { ++calls; });
    idle.poke();
    round();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(wrong, 0);
}

TEST_F(EventLoopTest, a_callback_may_watch_more) {
    Pair one;
    Pair two;
    int calls = 0;
    two.poke();
    watch(one.here.get(), [&](std::uint32_t) {
        loop_->unwatch(one.here.get());
        watch(two.here.get(), [&](std::uint32_t) { ++calls; });
    });
    one.poke();
    round();
    round();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, runs_until_it_is_stopped) {
    Pair pair;
    int calls = 0;
    watch(pair.here.get(), [&](std::uint32_t) {
        if (++calls % 3 == 0) loop_->stop();
    });
    pair.poke();
    ASSERT_TRUE(loop_->run());
    EXPECT_EQ(calls, 3);
    ASSERT_TRUE(loop_->run());  // and can be run again, until stopped again
    EXPECT_EQ(calls, 6);
}

TEST_F(EventLoopTest, refuses_what_cannot_be_watched) {
    const auto done = loop_->watch(-1, EPOLLIN, [](std::uint32_t) {});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, EBADF);
    loop_->unwatch(12345);  // never watched: nothing to do
}

TEST_F(EventLoopTest, a_signal_is_no_error) {
    struct sigaction handler {};
    struct sigaction before {};
    handler.sa_handler = [](int) {};
    ASSERT_EQ(sigaction(SIGALRM, &handler, &before), 0);
    itimerval soon{};
    soon.it_value.tv_usec = 1000;
    soon.it_interval.tv_usec = 1000;
    ASSERT_EQ(setitimer(ITIMER_REAL, &soon, nullptr), 0);
    round(seconds(30));
    const itimerval never{};
    ASSERT_EQ(setitimer(ITIMER_REAL, &never, nullptr), 0);
    ASSERT_EQ(sigaction(SIGALRM, &before, nullptr), 0);
}

class TimerTest : public EventLoopTest {
protected:
    void SetUp() override {
        EventLoopTest::SetUp();
        auto made = Timer::create(*loop_, [this] { ++fired_; });
        ASSERT_TRUE(made) << made.error().message;
        timer_ = std::move(*made);
    }
    // Lets the loop turn until the timer has fired `times`, or a generous time has passed.
    void turn_until(int times) {
        const Instant limit = now() + seconds(60);
        while (fired_ < times && !reached_on_any_clock(limit, now())) round(milliseconds(100));
    }

    int fired_ = 0;
    std::unique_ptr<Timer> timer_;
};

TEST_F(TimerTest, fires_once_and_not_before_its_time) {
    const Instant armed = now();
    timer_->arm_in(milliseconds(20));
    turn_until(1);
    EXPECT_EQ(fired_, 1);
    EXPECT_GE(now().boot - armed.boot, milliseconds(20));
    round(milliseconds(30));
    EXPECT_EQ(fired_, 1);
}

TEST_F(TimerTest, fires_at_once_for_what_has_passed) {
    for (const Duration delay : {Duration::zero(), Duration(-seconds(5))}) {
        fired_ = 0;
        timer_->arm_in(delay);
        turn_until(1);
        EXPECT_EQ(fired_, 1);
    }
}

TEST_F(TimerTest, a_new_setting_replaces_the_old_one) {
    timer_->arm_in(std::chrono::hours(1));
    timer_->arm_in(milliseconds(1));
    turn_until(1);
    EXPECT_EQ(fired_, 1);
    timer_->arm_in(milliseconds(1));
    timer_->arm_in(std::chrono::hours(1));
    round(milliseconds(20));
    EXPECT_EQ(fired_, 1);
}

TEST_F(TimerTest, does_not_fire_once_disarmed) {
    timer_->arm_in(milliseconds(1));
    const Instant armed = now();
    while (now().boot - armed.boot < milliseconds(2)) {  // it has expired, but was not served yet
    }
    timer_->disarm();
    round(milliseconds(20));
    EXPECT_EQ(fired_, 0);
}

TEST_F(TimerTest, may_be_armed_again_by_its_callback) {
    std::unique_ptr<Timer> again;
    int left = 3;
    auto made = Timer::create(*loop_, [&] {
        ++fired_;
        if (--left > 0) again->arm_in(milliseconds(1));
    });
    ASSERT_TRUE(made);
    again = std::move(*made);
    again->arm_in(milliseconds(1));
    turn_until(3);
    round(milliseconds(10));
    EXPECT_EQ(fired_, 3);
}

TEST_F(TimerTest, may_be_destroyed_by_its_callback) {
    std::unique_ptr<Timer> once;
    const auto alive = std::make_shared<int>(0);
    auto made = Timer::create(*loop_, [&, alive] {
        once.reset();
        ++*alive;  // what the callback captured is still there
        ++fired_;
    });
    ASSERT_TRUE(made);
    once = std::move(*made);
    once->arm_in(Duration::zero());
    turn_until(1);
    EXPECT_EQ(*alive, 1);
    EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(TimerTest, does_not_outlive_its_owner) {
    timer_->arm_in(Duration::zero());
    timer_.reset();
    round(milliseconds(20));
    EXPECT_EQ(fired_, 0);
}

}  // namespace
}  // namespace leasehold
