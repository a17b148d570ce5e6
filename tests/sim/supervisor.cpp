// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "tests/sim/candidate.h"
#include "tests/sim/checkers.h"

namespace leasehold::sim {

using supervisor::Actions;
using supervisor::AskToStop;
using supervisor::KillTree;
using supervisor::ReportEmpty;
using supervisor::ReportPause;
using supervisor::StartWorkload;
using supervisor::StopMode;
using supervisor::Term;
using supervisor::TermGrant;
using supervisor::TermMachine;

namespace {

constexpr Duration kForEver = std::chrono::hours(24);
constexpr Duration kAgain = std::chrono::milliseconds(5);

}  // namespace

Supervisor::Supervisor(Candidate& home)
    : home_(home),
      context_(home.context()),
      process_(home.context(), home.clocks(), [this] { keep_deadlines(); }),
      to_agent_(home.context()) {}

Instant Supervisor::now() const { return home_.now(); }

void Supervisor::launch(Term closed_through) {
    process_.start();
    stop_before_start_ = held_start_ = waiting_ = false;
    dead_man_at_.reset();
    machine_.emplace(TermMachine::Settings{home_.profile().grace_period, home_.timing().lease_duration / 20,
                                           closed_through, home_.profile().restart,
                                           static_cast<std::uint32_t>(context_.random.between(1, 1'000'000)),
                                           home_.profile().stop_command, home_.profile().hooks});
}

void Supervisor::crash() {
    if (!process_.alive()) return;
    const std::uint64_t life = process_.life();
    process_.kill();
    held_start_ = waiting_ = false;
    dead_man_at_.reset();
    machine_.reset();
    context_.trace.note(home_.index(), "supervisor ends");
    if (home_.profile().kernel_backed) home_.tree().kill();
    to_agent_.send(home_.agent().process(), [this, life] { home_.agent().lose_supervisor(life); });
    home_.guardian().supervisor_died();
    home_.down_if_done();
}

// Before anything else is looked at after a wait, the deadlines are.
void Supervisor::keep_deadlines() { perform(machine_->on_tick(now())); }

void Supervisor::hear_ping(std::uint64_t number) {
    keep_deadlines();
    to_agent_.send(home_.agent().process(), [this, number] { home_.agent().hear_pong(number); });
}

void Supervisor::hear_new_agent() {
    const bool stopping = machine_->phase() != TermMachine::Phase::idle && !machine_->goes_on();
    to_agent_.send(home_.agent().process(), [this, closed = machine_->closed_through(), stopping] {
        home_.agent().hear_hello(closed, stopping);
    });
}

void Supervisor::hear_grant(const TermGrant& grant) {
    keep_deadlines();
    TermGrant believed = grant;
    if (context_.profile.breakage == Breakage::no_hard_deadline) {
        believed.soft = believed.soft + kForEver;
        believed.hard = believed.hard + kForEver;
    }
    perform(machine_->on_grant(now(), believed));
}

void Supervisor::hear_revoke(Term term, StopMode mode) {
    keep_deadlines();
    perform(machine_->on_revoke(now(), term, mode));
}

void Supervisor::hear_restart() {
    process_.deliver([this] {
        keep_deadlines();
        Actions actions;
        machine_->on_restart(now(), actions);
        perform(actions);
    });
}

void Supervisor::hear_pause(bool paused) {
    process_.deliver([this, paused] {
        keep_deadlines();
        perform(machine_->on_pause(now(), paused));
    });
}

void Supervisor::hear_stop(StopMode mode) {
    keep_deadlines();
    perform(machine_->on_stop(now(), mode));
}

void Supervisor::main_exited() {
    context_.time.after(context_.small_delay(std::chrono::milliseconds(2)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this] { perform(machine_->on_main_exited(now(), 1)); });
    });
}

void Supervisor::tree_gone() {
    context_.time.after(context_.small_delay(std::chrono::milliseconds(2)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        // Emptiness is asked of the kernel at this moment; the end of a before_start may have begun the workload since.
        process_.deliver([this] {
            if (!home_.tree().alive()) perform(machine_->on_tree_empty(now()));
        });
    });
}

void Supervisor::leftover_gone() {
    if (!waiting_) return;
    context_.time.after(context_.small_delay(std::chrono::milliseconds(2)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this] {
            if (!std::exchange(waiting_, false)) return;
            const TermMachine::Phase phase = machine_->phase();
            if (phase == TermMachine::Phase::running || phase == TermMachine::Phase::preparing) return start();
            perform(machine_->on_tree_empty(now(), std::nullopt, false));
        });
    });
}

// What an earlier run left on this machine is a tree of this election too: while it lives nothing is started.
void Supervisor::start() {
    if (home_.tree().leftover() && context_.profile.breakage != Breakage::leftovers_are_ignored) {
        waiting_ = true;
        home_.tree().kill();
        return;
    }
    if (!std::exchange(stop_before_start_, false)) return execute();
    context_.trace.note(home_.index(), "supervisor is stopped just before it forks");
    held_start_ = true;
    process_.stop();
    process_.deliver_first([this] { start_what_was_held(); });
}

// The new process looks at the clocks once more before it executes anything.
void Supervisor::start_what_was_held() {
    held_start_ = false;
    const bool ends = machine_->hook() == supervisor::Hook::after_stop;
    const bool late = reached_on_any_clock(ends ? machine_->grant().hard : machine_->grant().soft, now());
    if (!late || home_.past_the_last_look() || context_.profile.breakage == Breakage::no_hard_deadline) {
        return execute();
    }
    context_.trace.note(home_.index(), "it is too late to start anything");
    perform(machine_->on_tree_empty(now()));
}

// The tree of a before_start goes on as that of the workload.
void Supervisor::execute() {
    home_.tree().start();
    if (!process_.alive() || !machine_) return;
    machine_->hook() ? run_hook(*machine_->hook()) : become_ready();
}

void Supervisor::become_ready() {
    if (!home_.profile().hooks.after_start) return;
    context_.time.after(context_.small_delay(std::chrono::milliseconds(50)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this] { perform(machine_->on_ready(now())); });
    });
}

// ---- hooks --------------------------------------------------------------------------------------------------------

// One that hangs ends long after its time.
void Supervisor::run_hook(supervisor::Hook hook) {
    context_.trace.note(home_.index(), "hook", name_of(hook));
    machine_->on_hook_began(now(), hook);
    const double fails = context_.profile.hooks_fail;
    const Duration timeout = home_.profile().hooks.timeout;
    const bool hangs = context_.random.chance(fails);
    const bool passed = !context_.random.chance(fails);
    const Duration takes = hangs ? timeout * 8 : context_.random.between(Duration{1000}, timeout * 9 / 10);
    context_.time.after(takes, [this, hook, passed, number = ++hooks_, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this, hook, passed, number] { end_hook(hook, number, passed); });
    });
}

void Supervisor::end_hook(supervisor::Hook hook, std::uint64_t number, bool passed) {
    if (number != hooks_) return;  // that one was killed
    keep_deadlines();
    const bool works = hook == supervisor::Hook::stop_command && machine_->hook() == hook && passed;
    if (works) home_.tree().ask_to_stop();
    perform(machine_->on_hook_ended(now(), hook, passed));
}

// ---- the last switch ----------------------------------------------------------------------------------------------

// The kernel's timer on BOOTTIME that kills this process unless it sets it anew in time.
void Supervisor::arm_dead_man() {
    const TermMachine::Phase phase = machine_->phase();
    dead_man_at_.reset();
    if (phase == TermMachine::Phase::idle || phase == TermMachine::Phase::killing || machine_->between_trees()) return;
    if (context_.profile.breakage == Breakage::no_dead_man || context_.profile.breakage == Breakage::no_hard_deadline) {
        return;
    }
    const Duration left = left_on_any_clock(machine_->grant().hard, now());
    dead_man_at_ = now().boot + left - left / 12 + context_.profile.kill_allowance / 2;
    schedule_dead_man();
}

void Supervisor::schedule_dead_man() {
    const Duration left = std::max(*dead_man_at_ - now().boot, Duration{});
    context_.time.after(home_.clocks().true_length(left), [this, plan = ++dead_man_plan_] {
        if (dead_man_at_ && plan == dead_man_plan_ && !home_.frozen()) be_killed_by_dead_man();
    });
}

void Supervisor::clock_changed() {
    if (dead_man_at_) schedule_dead_man();
}

void Supervisor::thawed() {
    if (dead_man_at_ && now().boot >= *dead_man_at_) be_killed_by_dead_man();
}

void Supervisor::be_killed_by_dead_man() {
    if (!process_.alive()) return;
    context_.trace.note(home_.index(), "the kernel's timer kills the supervisor");
    crash();
}

void Supervisor::perform(const Actions& actions) {
    for (const auto& action : actions) {
        const auto* hook = std::get_if<supervisor::RunHook>(&action);
        const bool begins = hook != nullptr && (hook->hook == supervisor::Hook::before_start ||
                                                hook->hook == supervisor::Hook::after_stop);
        if (hook != nullptr && !begins) {
            if (home_.tree().alive()) run_hook(hook->hook);
        } else if (std::holds_alternative<StartWorkload>(action) && home_.tree().alive()) {
            become_ready();  // its tree was begun by a before_start
        } else if (begins || std::holds_alternative<StartWorkload>(action)) {
            home_.page().populated = true;
            home_.guardian().page_published();
            start();
        } else if (std::holds_alternative<AskToStop>(action)) {
            home_.tree().ask_to_stop();
        } else if (std::holds_alternative<KillTree>(action)) {
            context_.trace.note(home_.index(), "supervisor kills the tree");
            home_.tree().kill();
        } else if (std::holds_alternative<ReportPause>(action)) {
            context_.trace.note(home_.index(), "supervisor pauses before it starts the workload again");
            home_.page().populated = false;
        } else if (const auto* empty = std::get_if<ReportEmpty>(&action)) {
            home_.page().populated = false;
            home_.page().closed_through = machine_->closed_through();
            to_agent_.send(home_.agent().process(), [this, term = empty->term] { home_.agent().hear_empty(term); });
        }
    }
    const bool killing = machine_->phase() == TermMachine::Phase::killing;
    if (killing) home_.tree().kill();  // again and again
    if (const auto wake = machine_->wake(now())) {
        process_.arm(killing ? std::min<Duration>(*wake, kAgain) : *wake);
    } else {
        process_.disarm();
    }
    arm_dead_man();
}

}  // namespace leasehold::sim
