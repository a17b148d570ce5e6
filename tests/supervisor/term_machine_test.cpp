// SPDX-License-Identifier: Apache-2.0
//
// Every transition of the term machine, as a table that reads like prose. A scenario is a list of lines "<ms> <event>"
// followed by what the machine asks for; the clock is what the line says.
#include "supervisor/term_machine.h"

#include <random>
#include <sstream>

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

using std::chrono::milliseconds;

Instant at(std::int64_t ms) { return Instant{} + milliseconds(ms); }

TermGrant grant_of(Term term, std::int64_t soft, std::int64_t hard) {
    return {term, term + 100, term, at(soft), at(hard)};
}

std::string text_of(const Actions& actions) {
    std::string text;
    for (const Action& action : actions) {
        if (!text.empty()) text += " ";
        if (const auto* start = std::get_if<StartWorkload>(&action))
            text += "start:" + std::to_string(start->grant.term);
        if (std::holds_alternative<AskToStop>(action)) text += "ask";
        if (std::holds_alternative<KillTree>(action)) text += "kill";
        if (const auto* empty = std::get_if<ReportEmpty>(&action)) text += "empty:" + std::to_string(empty->term);
    }
    return text.empty() ? "-" : text;
}

const char* name_of(TermMachine::Phase phase) {
    switch (phase) {
        case TermMachine::Phase::idle: return "idle";
        case TermMachine::Phase::running: return "running";
        case TermMachine::Phase::stopping: return "stopping";
        case TermMachine::Phase::killing: return "killing";
    }
    return "?";
}

// Plays "<ms> <event> [arguments]" lines and returns each with the actions and the phase that followed.
std::string play(const std::string& script, TermMachine::Settings settings = {milliseconds(100), milliseconds(50), 0}) {
    TermMachine machine(settings);
    std::istringstream lines(script);
    std::ostringstream told;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::int64_t ms = 0;
        std::string event;
        if (!(words >> ms >> event)) continue;
        Actions actions;
        if (event == "grant") {
            Term term = 0;
            std::int64_t soft = 0, hard = 0;
            words >> term >> soft >> hard;
            actions = machine.on_grant(at(ms), grant_of(term, soft, hard));
        } else if (event == "revoke" || event == "revoke-kill") {
            Term term = 0;
            words >> term;
            actions = machine.on_revoke(at(ms), term, event == "revoke" ? StopMode::orderly : StopMode::kill);
        } else if (event == "stop" || event == "stop-kill") {
            actions = machine.on_stop(at(ms), event == "stop" ? StopMode::orderly : StopMode::kill);
        } else if (event == "exited") {
            actions = machine.on_main_exited(at(ms));
        } else if (event == "gone") {
            actions = machine.on_tree_empty(at(ms));
        } else if (event == "tick") {
            actions = machine.on_tick(at(ms));
        } else {
            ADD_FAILURE() << "unknown event " << event;
        }
        told << text_of(actions) << " " << name_of(machine.phase()) << "\n";
    }
    return told.str();
}

struct Scenario {
    const char* name;
    const char* script;
    const char* expected;
};

const Scenario kScenarios[] = {
    {"starts_and_ends_by_itself", R"(0 grant 1 1000 2000
500 gone)",
     "start:1 running\nempty:1 idle\n"},
    {"grant_extends_both_deadlines_while_running", R"(0 grant 1 1000 2000
900 grant 1 1900 2900
1000 tick
1900 tick
1999 tick
2000 tick)",
     "start:1 running\n- running\n- running\nask stopping\n- stopping\nkill killing\n"},
    {"deadlines_never_move_back", R"(0 grant 1 1000 2000
10 grant 1 500 600
999 tick
1000 tick)",
     "start:1 running\n- running\n- running\nask stopping\n"},
    {"grant_late_is_not_started", R"(1000 grant 1 1000 2000
1000 grant 1 1900 2900)",
     "empty:1 idle\nempty:1 idle\n"},
    {"grant_past_its_hard_instant_is_not_started", "30 grant 1 100 20\n", "empty:1 idle\n"},
    {"grant_of_a_closed_term_reports_again", R"(0 grant 3 1000 2000
1 gone
2 grant 3 1002 2002
3 grant 2 1002 2002
4 grant 4 1002 2002)",
     "start:3 running\nempty:3 idle\nempty:3 idle\nempty:2 idle\nstart:4 running\n"},
    {"revoke_of_a_term_never_granted_closes_it", R"(0 revoke 5
1 grant 5 1000 2000
2 grant 4 1000 2000
3 grant 6 1000 2000)",
     "empty:5 idle\nempty:5 idle\nempty:4 idle\nstart:6 running\n"},
    {"revoke_of_a_closed_term_reports_again", R"(0 grant 1 1000 2000
1 gone
2 revoke 1
3 revoke-kill 1)",
     "start:1 running\nempty:1 idle\nempty:1 idle\nempty:1 idle\n"},
    {"revoke_asks_then_kills_at_the_end_of_grace", R"(0 grant 1 1000 2000
10 revoke 1
50 revoke 1
109 tick
110 tick
115 tick
120 gone)",
     "start:1 running\nask stopping\n- stopping\n- stopping\nkill killing\n- killing\nempty:1 idle\n"},
    {"kill_comes_at_the_hard_instant_if_that_is_earlier_than_the_end_of_grace", R"(0 grant 1 1000 1050
1000 tick
1049 tick
1050 tick)",
     "start:1 running\nask stopping\n- stopping\nkill killing\n"},
    {"late_extension_while_stopping_moves_only_the_hard_instant", R"(0 grant 1 1000 1050
1000 tick
1010 grant 1 1900 2900
1050 tick
1099 tick
1100 tick)",
     "start:1 running\nask stopping\n- stopping\n- stopping\n- stopping\nkill killing\n"},
    {"extension_that_arrives_after_the_soft_instant_but_before_its_tick_does_not_save_the_term",
     R"(0 grant 1 1000 2000
1001 grant 1 1900 2900
1100 tick)",
     "start:1 running\nask stopping\n- stopping\n"},
    {"extension_does_not_undo_a_kill", R"(0 grant 1 1000 2000
10 revoke-kill 1
11 grant 1 1900 2900
12 tick
13 gone)",
     "start:1 running\nkill killing\n- killing\n- killing\nempty:1 idle\n"},
    {"tick_past_the_hard_instant_kills_without_asking", R"(0 grant 1 1000 2000
2000 tick)",
     "start:1 running\nkill killing\n"},
    {"revoke_kill_escalates", R"(0 grant 1 1000 2000
10 revoke 1
11 revoke-kill 1
12 revoke-kill 1)",
     "start:1 running\nask stopping\nkill killing\n- killing\n"},
    {"stop_is_idempotent_and_escalates", R"(0 grant 1 1000 2000
10 stop
20 stop
30 stop-kill
40 stop-kill
50 gone
60 grant 2 1000 2000)",
     "start:1 running\nask stopping\n- stopping\nkill killing\n- killing\nempty:1 idle\nempty:2 idle\n"},
    {"stop_while_idle_starts_nothing_any_more", R"(0 stop
1 grant 1 1000 2000
2 revoke 2)",
     "- idle\nempty:1 idle\nempty:2 idle\n"},
    {"agent_keeps_renewing_while_stopping_on_request", R"(0 grant 1 1000 1050
990 stop
1000 grant 1 1900 2900
1089 tick
1090 tick)",
     "start:1 running\nask stopping\n- stopping\n- stopping\nkill killing\n"},
    {"main_exits_and_leaves_something_behind", R"(0 grant 1 1000 2000
10 exited
109 tick
110 tick
111 gone)",
     "start:1 running\nask stopping\n- stopping\nkill killing\nempty:1 idle\n"},
    {"leftovers_are_killed_at_the_hard_instant", R"(0 grant 1 1000 1050
990 exited
1049 tick
1050 tick)",
     "start:1 running\nask stopping\n- stopping\nkill killing\n"},
    {"main_exits_while_stopping_so_leftovers_are_asked_too", R"(0 grant 1 1000 2000
10 revoke 1
20 exited
110 tick
111 exited)",
     "start:1 running\nask stopping\nask stopping\nkill killing\n- killing\n"},
    {"main_exits_while_idle", "0 exited\n1 gone\n", "- idle\n- idle\n"},
    {"grant_of_another_term_kills_the_living_tree_and_starts_nothing", R"(0 grant 1 1000 2000
10 grant 2 1000 2000
11 grant 2 1000 2000
20 gone
30 grant 2 1000 2000
31 grant 3 1000 2000)",
     "start:1 running\nkill killing\n- killing\nempty:1 empty:2 idle\nempty:2 idle\nstart:3 running\n"},
    {"revoke_of_another_term_is_answered_after_the_proof_only", R"(0 grant 5 1000 2000
10 revoke 6
20 gone
30 grant 6 1000 2000)",
     "start:5 running\nkill killing\nempty:5 empty:6 idle\nempty:6 idle\n"},
    {"question_about_an_older_term_kills_too_and_is_answered_after_the_proof", R"(0 grant 5 1000 2000
10 revoke 4
20 gone)",
     "start:5 running\nkill killing\nempty:5 empty:4 idle\n"},
};

class TermMachineScenario : public testing::TestWithParam<Scenario> {};

TEST_P(TermMachineScenario, goes_as_written) { EXPECT_EQ(play(GetParam().script), GetParam().expected); }

INSTANTIATE_TEST_SUITE_P(table, TermMachineScenario, testing::ValuesIn(kScenarios),
                         [](const auto& scenario) { return std::string(scenario.param.name); });

TEST(TermMachine, terms_closed_before_it_was_made_stay_closed) {
    EXPECT_EQ(play("0 grant 7 1000 2000\n1 grant 8 1000 2000\n", {milliseconds(100), milliseconds(50), 7}),
              "empty:7 idle\nstart:8 running\n");
}

TEST(TermMachine, no_grace_means_killing_at_once) {
    EXPECT_EQ(play("0 grant 1 1000 2000\n10 revoke 1\n", {Duration(0), milliseconds(50), 0}),
              "start:1 running\nask kill killing\n");
}

TEST(TermMachine, either_clock_brings_a_deadline) {
    for (const Instant early :
         {Instant{milliseconds(1000), milliseconds(900)}, Instant{milliseconds(900), milliseconds(1000)}}) {
        TermMachine machine({milliseconds(100), milliseconds(50), 0});
        machine.on_grant(at(0), grant_of(1, 1000, 2000));
        EXPECT_EQ(text_of(machine.on_tick(early)), "ask");
        TermMachine late({milliseconds(100), milliseconds(50), 0});
        EXPECT_EQ(text_of(late.on_grant(early, grant_of(1, 1000, 2000))), "empty:1");
    }
}

TEST(TermMachine, wakes_for_the_next_deadline_and_for_rechecks) {
    TermMachine machine({milliseconds(100), milliseconds(50), 0});
    EXPECT_EQ(machine.wake(at(0)), std::nullopt);
    machine.on_grant(at(0), grant_of(1, 1000, 1030));
    EXPECT_EQ(machine.wake(at(0)), milliseconds(50));
    EXPECT_EQ(machine.wake(at(980)), milliseconds(20));
    EXPECT_EQ(machine.wake(at(1200)), Duration(0));
    machine.on_tick(at(1000));
    EXPECT_EQ(machine.wake(at(1000)), milliseconds(30));
    machine.on_tick(at(1030));
    EXPECT_EQ(machine.wake(at(1030)), milliseconds(50));
    machine.on_tree_empty(at(1040));
    EXPECT_EQ(machine.wake(at(1040)), std::nullopt);
}

// Whatever order events come in: no start while a tree lives, none in a closed term or from the soft instant on, EMPTY
// only without a tree, and no tree that is neither being killed nor within its deadlines once the machine was ticked.
TEST(TermMachine, keeps_its_rules_in_random_histories) {
    for (unsigned seed = 0; seed < 2000; ++seed) {
        std::mt19937 random(seed);
        const auto pick = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
        TermMachine machine({milliseconds(pick(300)), milliseconds(50), 0});
        bool alive = false, ended = false;
        Term closed = 0;
        std::int64_t ms = 0;
        for (int i = 0; i < 60; ++i) {
            ms += pick(100);
            const Term term = static_cast<Term>(1 + i / 15 + pick(1));
            const TermGrant grant = grant_of(term, ms + pick(200) - 20, ms + pick(400));
            const StopMode mode = pick(1) == 0 ? StopMode::orderly : StopMode::kill;
            Actions actions;
            switch (pick(7)) {
                case 0: actions = machine.on_revoke(at(ms), term, mode); break;
                case 1: actions = machine.on_main_exited(at(ms)); break;
                case 2:
                    alive = false;
                    actions = machine.on_tree_empty(at(ms));
                    break;
                case 3:
                    if (pick(9) == 0) {
                        ended = true;
                        actions = machine.on_stop(at(ms), mode);
                    }
                    break;
                case 4: break;
                default: actions = machine.on_grant(at(ms), grant);
            }
            const Actions more = machine.on_tick(at(ms));
            actions.insert(actions.end(), more.begin(), more.end());
            for (const Action& action : actions) {
                if (const auto* start = std::get_if<StartWorkload>(&action)) {
                    EXPECT_FALSE(alive || ended) << "seed " << seed;
                    EXPECT_GT(start->grant.term, closed) << "seed " << seed;
                    EXPECT_FALSE(reached_on_any_clock(start->grant.soft, at(ms))) << "seed " << seed;
                    alive = true;
                }
                if (const auto* empty = std::get_if<ReportEmpty>(&action)) {
                    EXPECT_FALSE(alive) << "seed " << seed;
                    closed = std::max(closed, empty->term);
                }
            }
            EXPECT_EQ(alive, machine.phase() != TermMachine::Phase::idle) << "seed " << seed;
            if (alive && reached_on_any_clock(machine.grant().hard, at(ms))) {
                EXPECT_EQ(machine.phase(), TermMachine::Phase::killing) << "seed " << seed;
            }
            if (alive && reached_on_any_clock(machine.grant().soft, at(ms))) {
                EXPECT_NE(machine.phase(), TermMachine::Phase::running) << "seed " << seed;
            }
            EXPECT_EQ(closed, machine.closed_through()) << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace leasehold::supervisor
