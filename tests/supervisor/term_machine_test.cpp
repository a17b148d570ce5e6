// SPDX-License-Identifier: Apache-2.0
//
// Every transition of the term machine: the stories in term_machine_stories.txt, and random histories against its
// rules.
#include "supervisor/term_machine.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <utility>

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
        if (const auto* run = std::get_if<RunHook>(&action)) text += std::string("run:") + name_of(run->hook);
        if (const auto* kill = std::get_if<KillHook>(&action)) {
            text += std::string(kill->late ? "late:" : "drop:") + name_of(kill->hook);
        }
        if (std::holds_alternative<AskToStop>(action)) text += "ask";
        if (std::holds_alternative<KillTree>(action)) text += "kill";
        if (const auto* empty = std::get_if<ReportEmpty>(&action)) text += "empty:" + std::to_string(empty->term);
        if (const auto* pause = std::get_if<ReportPause>(&action)) {
            text += pause->start_in ? "pause" : "hold";
        }
        if (const auto* end = std::get_if<EndOfWork>(&action)) text += end->resign ? "resign" : "exit";
    }
    return text.empty() ? "-" : text;
}

const char* name_of(TermMachine::Phase phase) {
    switch (phase) {
        case TermMachine::Phase::idle: return "idle";
        case TermMachine::Phase::preparing: return "preparing";
        case TermMachine::Phase::running: return "running";
        case TermMachine::Phase::stopping: return "stopping";
        case TermMachine::Phase::killing: return "killing";
        case TermMachine::Phase::finishing: return "finishing";
        case TermMachine::Phase::pausing: return "pausing";
        case TermMachine::Phase::holding: return "holding";
    }
    return "?";
}

RestartOptions restart_options(std::istream& words) {
    std::string when, then;
    RestartOptions options;
    words >> when >> options.give_up_after >> then;
    options.policy = when == "always"       ? RestartWhen::always
                     : when == "on-failure" ? RestartWhen::on_failure
                                            : RestartWhen::never;
    options.then = then == "resign" ? AfterTheLast::resign : then == "hold" ? AfterTheLast::hold : AfterTheLast::exit;
    options.initial_backoff = options.max_backoff = milliseconds(100);
    return options;
}

Hook hook_called(const std::string& name) {
    for (const Hook hook : {Hook::before_start, Hook::after_start, Hook::before_stop, Hook::stop_command}) {
        if (name == name_of(hook)) return hook;
    }
    return Hook::after_stop;
}

void take_hooks(std::istream& words, TermMachine::Settings& settings) {
    std::int64_t ms = 0;
    words >> ms;
    settings.hooks.timeout = milliseconds(ms);
    for (std::string name; words >> name;) {
        if (name == "before_start") settings.hooks.before_start = true;
        if (name == "after_start") settings.hooks.after_start = true;
        if (name == "before_stop") settings.hooks.before_stop = true;
        if (name == "stop") settings.stop_command = true;
        if (name == "after_stop") settings.hooks.after_stop = true;
    }
}

// Plays "<ms> <event> [arguments]" lines and returns each with the actions and the phase that followed.
std::string play(const std::string& script,
                 TermMachine::Settings settings = {milliseconds(100), milliseconds(50), 0, {}, 0}) {
    TermMachine machine(settings);
    std::istringstream lines(script);
    std::ostringstream told;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::int64_t ms = 0;
        std::string event;
        if (!(words >> ms >> event)) continue;
        Actions actions;
        if (event == "policy") {
            settings.restart = restart_options(words);
            machine = TermMachine(settings);
        } else if (event == "hooks") {
            take_hooks(words, settings);
            machine = TermMachine(settings);
        } else if (event == "began" || event == "passed" || event == "failed") {
            std::string name;
            words >> name;
            const Hook hook = hook_called(name);
            if (event == "began") {
                machine.on_hook_began(at(ms), hook);
            } else {
                actions = machine.on_hook_ended(at(ms), hook, event == "passed");
            }
        } else if (event == "ready") {
            actions = machine.on_ready(at(ms));
        } else if (event == "late") {
            actions = machine.on_not_executed(at(ms));
        } else if (event == "unbegun") {
            actions = machine.on_tree_empty(at(ms), std::nullopt, false);
        } else if (event == "grant") {
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
        } else if (event == "exited" || event == "ended") {
            int status = 0;
            words >> status;
            actions =
                event == "exited" ? machine.on_main_exited(at(ms), status) : machine.on_tree_empty(at(ms), status);
        } else if (event == "restart") {
            machine.on_restart(at(ms), actions);
        } else if (event == "pause" || event == "resume") {
            actions = machine.on_pause(at(ms), event == "pause");
        } else if (event == "unhealthy") {
            std::string then;
            words >> then;
            actions = machine.on_unhealthy(at(ms), then == "resign" ? AfterUnhealthy::resign : AfterUnhealthy::restart);
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

struct Story {
    std::string name;
    std::vector<std::string> lines;  // "<ms> <event> -> <actions> <phase>"
};

std::vector<Story> stories() {
    const auto path = std::filesystem::path(LEASEHOLD_TEST_FOLDER) / "term_machine_stories.txt";
    std::ifstream file(path);
    std::vector<Story> found;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("# ")) found.push_back({line.substr(2), {}});
        if (!found.empty() && line.find(" -> ") != std::string::npos) found.back().lines.push_back(line);
    }
    return found;
}

TEST(TermMachine, goes_as_the_stories_say) {
    const std::vector<Story> all = stories();
    EXPECT_GE(all.size(), 25U);
    for (const Story& story : all) {
        std::string script, expected;
        for (const std::string& line : story.lines) {
            const std::size_t arrow = line.find(" -> ");
            script += line.substr(0, arrow) + "\n";
            expected += line.substr(arrow + 4) + "\n";
        }
        EXPECT_FALSE(script.empty()) << story.name;
        EXPECT_EQ(play(script), expected) << story.name;
    }
}

TEST(TermMachine, terms_closed_before_it_was_made_stay_closed) {
    EXPECT_EQ(play("0 grant 7 1000 2000\n1 grant 8 1000 2000\n", {milliseconds(100), milliseconds(50), 7}),
              "empty:7 idle\nstart:8 running\n");
}

TEST(TermMachine, no_grace_means_killing_at_once) {
    EXPECT_EQ(play("0 grant 1 1000 2000\n10 revoke 1\n", {Duration(0), milliseconds(50), 0}),
              "start:1 running\nask kill killing\n");
}

TEST(TermMachine, kills_at_all_costs_once_the_lease_cannot_be_counted_on) {
    TermMachine orderly({milliseconds(20), milliseconds(50), 0});
    orderly.on_grant(at(0), grant_of(1, 500, 900));
    orderly.on_stop(at(10), StopMode::orderly);
    EXPECT_EQ(text_of(orderly.on_tick(at(30))), "kill");
    EXPECT_FALSE(orderly.kills_at_all_costs());
    orderly.on_revoke(at(31), 1, StopMode::kill);
    EXPECT_TRUE(orderly.kills_at_all_costs());

    TermMachine late({milliseconds(20), milliseconds(50), 0});
    late.on_grant(at(0), grant_of(1, 500, 900));
    late.on_tick(at(900));
    EXPECT_TRUE(late.kills_at_all_costs());
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
    EXPECT_EQ(machine.wake(at(1000)), timer_for(milliseconds(30)));  // once more before it comes
    machine.on_tick(at(1030));
    EXPECT_EQ(machine.wake(at(1030)), milliseconds(50));
    machine.on_tree_empty(at(1040));
    EXPECT_EQ(machine.wake(at(1040)), std::nullopt);
}

// Looks at a history from outside, by its actions alone.
class Witness {
public:
    void see(const Actions& actions, Instant now, bool ending) {
        for (const Action& action : actions) {
            if (const auto* start = std::get_if<StartWorkload>(&action)) {
                if (alive_ && !std::exchange(prepared_, false)) blame("two trees");
                see_start(start->grant, now, ending);
            }
            if (const auto* run = std::get_if<RunHook>(&action)) see_hook(*run, now, ending);
            if (const auto* empty = std::get_if<ReportEmpty>(&action)) {
                if (alive_) blame("EMPTY with a living tree");
                closed_ = std::max(closed_, empty->term);
            }
            if (std::holds_alternative<AskToStop>(action)) asked_ = true;
            if (std::holds_alternative<KillTree>(action)) killed_ = true;
        }
    }
    void is_revoked(Term term) { revoked_ = term; }
    void tree_is_gone() { alive_ = prepared_ = false; }
    void hook_passed(std::optional<Hook> hook) { prepared_ = alive_ && hook == Hook::before_start; }
    void after_tick(const TermGrant& deadlines, Instant now) {
        if (!alive_) return;
        if (reached_on_any_clock(deadlines.hard, now) && !killed_) blame("alive past the hard instant");
        const bool told = asked_ || killed_ || finishing_;
        if (reached_on_any_clock(deadlines.soft, now) && !told) blame("unasked past the soft instant");
    }
    bool alive() const { return alive_; }
    const std::string& verdict() const { return verdict_; }

private:
    void see_start(const TermGrant& grant, Instant now, bool ending) {
        if (ending) blame("a start after on_stop");
        if (grant.term <= closed_) blame("a start in a closed term");
        if (grant.term == revoked_) blame("a start in a revoked term");
        if (reached_on_any_clock(grant.soft, now)) blame("a start after the soft instant");
        alive_ = true;
        asked_ = killed_ = finishing_ = false;
    }
    void see_hook(const RunHook& run, Instant now, bool ending) {
        const bool begins = run.hook == Hook::before_start || run.hook == Hook::after_stop;
        if (begins == alive_) blame(alive_ ? "two trees" : "a hook beside nothing");
        if (reached_on_any_clock(run.grant.hard, now)) blame("a hook after the hard instant");
        if (run.hook == Hook::before_start) see_start(run.grant, now, ending);
        if (run.hook == Hook::before_stop || run.hook == Hook::stop_command) asked_ = true;
        if (run.hook != Hook::after_stop) return;
        if (run.grant.term <= closed_) blame("after_stop in a closed term");
        alive_ = finishing_ = true;
        asked_ = killed_ = false;
    }
    void blame(const std::string& what) {
        if (verdict_.empty()) verdict_ = what;
    }

    bool alive_ = false, asked_ = false, killed_ = false, prepared_ = false, finishing_ = false;
    Term closed_ = 0, revoked_ = 0;
    std::string verdict_;
};

void append(Actions& to, const Actions& more) { to.insert(to.end(), more.begin(), more.end()); }

using Sabotage = std::function<void(Actions&)>;

// Plays a random history; says what rule was broken, if any. `sabotage` may spoil what the machine asks for.
std::string verdict_of_random_history(unsigned seed, const Sabotage& sabotage) {
    std::mt19937 random(seed);
    const auto pick = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
    RestartOptions restart;
    restart.policy = static_cast<RestartWhen>(pick(2));
    restart.then = static_cast<AfterTheLast>(pick(2));
    restart.give_up_after = pick(3);
    restart.initial_backoff = milliseconds(pick(50));
    const auto maybe = [&] { return pick(1) == 0; };
    const Duration grace = milliseconds(pick(300));
    const HookPlan hooks{maybe(), maybe(), maybe(), maybe(), milliseconds(pick(200))};
    TermMachine machine({grace, milliseconds(50), 0, restart, seed, maybe(), hooks});
    Witness witness;
    bool ending = false;
    std::int64_t ms = 0;
    for (int i = 0; i < 60; ++i) {
        ms += pick(100);
        const Instant now = at(ms);
        const auto term = static_cast<Term>(i / 15) + static_cast<Term>(1 + pick(1));
        const StopMode mode = pick(1) == 0 ? StopMode::orderly : StopMode::kill;
        Actions actions;
        switch (pick(11)) {
            case 0:
                witness.is_revoked(term);
                actions = machine.on_revoke(now, term, mode);
                break;
            case 1: actions = machine.on_main_exited(now, pick(1)); break;
            case 2:
                witness.tree_is_gone();
                actions = pick(1) == 0 ? machine.on_tree_empty(now, pick(1)) : machine.on_tree_empty(now);
                break;
            case 3:
                if (pick(9) == 0) {
                    actions = machine.on_stop(now, mode);
                    ending = true;
                }
                break;
            case 4:
                if (pick(2) == 0) actions = machine.on_unhealthy(now, static_cast<AfterUnhealthy>(pick(1)));
                break;
            case 6: actions = machine.on_pause(now, pick(1) == 0); break;
            case 7: actions = machine.on_ready(now); break;
            case 8: {
                const auto hook = machine.hook();
                if (!hook) break;
                const bool passed = pick(3) != 0;
                if (pick(1) == 0) machine.on_hook_began(now, *hook);
                if (passed) witness.hook_passed(hook);
                actions = machine.on_hook_ended(now, *hook, passed);
                break;
            }
            case 5: machine.on_restart(now, actions); break;
            default: actions = machine.on_grant(now, grant_of(term, ms + pick(200) - 20, ms + pick(400)));
        }
        append(actions, machine.on_tick(now));
        sabotage(actions);
        witness.see(actions, now, ending);
        witness.after_tick(machine.grant(), now);
    }
    return witness.verdict();
}

std::string verdict_of_many(const Sabotage& sabotage) {
    for (unsigned seed = 0; seed < 2000; ++seed) {
        std::string verdict = verdict_of_random_history(seed, sabotage);
        if (!verdict.empty()) return verdict;
    }
    return {};
}

TEST(TermMachine, keeps_its_rules_in_random_histories) {
    EXPECT_EQ(verdict_of_many([](Actions&) {}), "");
}

TEST(TermMachine, control_broken_rules_are_noticed) {
    EXPECT_EQ(verdict_of_many([](Actions& actions) {  // answers before there is proof
                  if (text_of(actions) == "ask") actions.push_back(ReportEmpty{1});
              }),
              "EMPTY with a living tree");
    EXPECT_EQ(verdict_of_many([](Actions& actions) {  // starts twice
                  if (text_of(actions).starts_with("start")) actions.push_back(actions.front());
              }),
              "two trees");
    EXPECT_NE(verdict_of_many([](Actions& actions) {  // never kills
                  std::erase_if(actions, [](const Action& a) { return std::holds_alternative<KillTree>(a); });
              }),
              "");
    EXPECT_EQ(verdict_of_many([](Actions& actions) {  // never asks
                  std::erase_if(actions, [](const Action& a) { return std::holds_alternative<AskToStop>(a); });
              }),
              "unasked past the soft instant");
}

}  // namespace
}  // namespace leasehold::supervisor
