// SPDX-License-Identifier: Apache-2.0
#include "supervisor/standby_machine.h"

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Act = StandbyMachine::Act;
using Want = StandbyMachine::Want;
using StandbyPhase = StandbyMachine::Phase;

class StandbyCommand : public testing::Test {
protected:
    static RestartOptions restart() {
        RestartOptions options;  // the policy is about the workload
        options.initial_backoff = seconds(1);
        options.max_backoff = seconds(4);
        options.give_up_after = 1;
        return options;
    }

    Act next(Want want) { return machine_.next(now_, want); }
    void pass(Duration time) { now_ = now_ + time; }

    void run() {
        ASSERT_EQ(next(Want::run), Act::start);
        ASSERT_EQ(next(Want::run), Act::nothing);
    }

    // By itself, and leaves nothing.
    void end() {
        machine_.on_main_ended(now_);
        machine_.on_empty();
    }

    Instant now_ = Instant{} + minutes(5);
    StandbyMachine machine_{restart(), seconds(30), 1};
};

TEST_F(StandbyCommand, is_started_only_when_that_is_wanted) {
    EXPECT_EQ(next(Want::stay), Act::nothing);
    EXPECT_EQ(next(Want::leave), Act::nothing);
    EXPECT_FALSE(machine_.alive());
    run();
    EXPECT_EQ(next(Want::stay), Act::nothing) << "nobody has to go because less is known";
    EXPECT_EQ(machine_.phase(), StandbyPhase::running);
    EXPECT_TRUE(machine_.is_command());
}

TEST_F(StandbyCommand, makes_way_within_the_grace_period) {
    run();
    EXPECT_EQ(next(Want::leave), Act::ask_to_stop);
    EXPECT_EQ(next(Want::leave), Act::nothing);
    EXPECT_EQ(machine_.wake(now_, Want::leave), Duration(seconds(30)));
    pass(seconds(29));
    EXPECT_EQ(next(Want::leave), Act::nothing);
    pass(seconds(1));
    EXPECT_EQ(next(Want::leave), Act::kill);
    EXPECT_EQ(next(Want::leave), Act::nothing);
    EXPECT_EQ(machine_.phase(), StandbyPhase::killing);
    machine_.on_main_ended(now_);
    machine_.on_empty();
    EXPECT_EQ(next(Want::leave), Act::nothing);
    EXPECT_EQ(next(Want::run), Act::start) << "after the term, at once";
}

TEST_F(StandbyCommand, what_left_its_group_is_asked_when_it_has_ended) {
    run();
    EXPECT_EQ(next(Want::leave), Act::ask_to_stop);
    machine_.on_main_ended(now_);
    EXPECT_EQ(next(Want::leave), Act::ask_to_stop);
    EXPECT_EQ(next(Want::leave), Act::nothing);
    pass(seconds(30));
    EXPECT_EQ(next(Want::leave), Act::kill);
}

TEST_F(StandbyCommand, goes_on_stopping_when_it_might_stay_after_all) {
    run();
    EXPECT_EQ(next(Want::leave), Act::ask_to_stop);
    EXPECT_EQ(next(Want::run), Act::nothing);
    end();
    EXPECT_EQ(next(Want::run), Act::start);
}

TEST_F(StandbyCommand, is_started_again_for_ever_and_ever_later) {
    Duration last{};
    for (int i = 0; i < 20; ++i) {
        run();
        end();
        ASSERT_EQ(next(Want::run), Act::nothing) << "no pause";
        const auto pause = machine_.wake(now_, Want::run);
        ASSERT_TRUE(pause);
        EXPECT_GE(*pause, milliseconds(800));
        EXPECT_LE(*pause, seconds(4));
        if (i == 1) {
            EXPECT_GT(*pause, last);
        }
        last = *pause;
        EXPECT_FALSE(machine_.wake(now_, Want::stay)) << "only events matter";
        pass(*pause);
    }
    run();
    pass(minutes(10));
    end();
    EXPECT_LE(*machine_.wake(now_, Want::run), seconds(1)) << "it ran for long enough";
}

TEST_F(StandbyCommand, what_it_leaves_behind_has_the_grace_period_too) {
    run();
    machine_.on_main_ended(now_);
    EXPECT_EQ(next(Want::run), Act::ask_to_stop);
    EXPECT_EQ(next(Want::run), Act::nothing);
    pass(seconds(30));
    EXPECT_EQ(next(Want::run), Act::kill);
    machine_.on_empty();
    EXPECT_EQ(next(Want::run), Act::start) << "the pause is over";
}

TEST_F(StandbyCommand, has_no_time_in_a_hurry) {
    machine_.hurry();
    run();
    EXPECT_EQ(next(Want::run), Act::nothing) << "nothing was alive to be hurried";
    machine_.hurry();
    EXPECT_EQ(machine_.wake(now_, Want::run), Duration(0));
    EXPECT_EQ(next(Want::leave), Act::kill);
    EXPECT_EQ(next(Want::leave), Act::nothing);
    machine_.on_main_ended(now_);
    machine_.on_empty();
    run();
}

TEST_F(StandbyCommand, that_ended_while_paused_stays_away) {
    run();
    machine_.on_pause(true);
    end();
    pass(minutes(1));
    EXPECT_EQ(next(Want::run), Act::nothing);
    EXPECT_FALSE(machine_.starts_in(now_));
    machine_.on_pause(false);
    EXPECT_EQ(next(Want::run), Act::start);
}

TEST_F(StandbyCommand, is_started_first_while_paused) {
    machine_.on_pause(true);
    run();
}

TEST_F(StandbyCommand, is_started_anew_when_somebody_wants_it) {
    run();
    machine_.on_restart(now_);
    EXPECT_EQ(next(Want::run), Act::ask_to_stop);
    EXPECT_EQ(next(Want::run), Act::nothing);
    end();
    run();
    end();
    EXPECT_EQ(next(Want::run), Act::nothing);
    machine_.on_restart(now_);
    run();  // without the pause
    machine_.on_pause(true);
    end();
    machine_.on_restart(now_);
    run();
}

TEST_F(StandbyCommand, waits_for_a_helper_to_end) {
    machine_.on_helper_started();
    EXPECT_FALSE(machine_.is_command());
    EXPECT_EQ(next(Want::run), Act::nothing);
    EXPECT_EQ(next(Want::stay), Act::nothing);
    end();
    run();
}

TEST_F(StandbyCommand, a_helper_makes_way_at_once) {
    machine_.on_helper_started();
    EXPECT_EQ(next(Want::leave), Act::dismiss);
    EXPECT_EQ(next(Want::leave), Act::kill) << "what does not die of that, and what it left behind";
    machine_.on_main_ended(now_);
    EXPECT_EQ(next(Want::leave), Act::nothing);
    machine_.on_empty();
    machine_.on_helper_started();
    EXPECT_EQ(next(Want::leave), Act::dismiss) << "another one";
}

}  // namespace
}  // namespace leasehold::supervisor
