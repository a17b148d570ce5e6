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
      process_(home.context(), home.clocks(), [this] { perform(machine_->on_tick(now())); }),
      to_agent_(home.context()) {}

Instant Supervisor::now() const { return home_.now(); }

void Supervisor::launch(Term closed_through) {
    process_.start();
    stop_before_start_ = held_start_ = false;
    machine_.emplace(TermMachine::Settings{home_.profile().grace_period, home_.profile().timing.lease_duration / 20,
                                           closed_through});
}

void Supervisor::crash() {
    if (!process_.alive()) return;
    process_.kill();
    held_start_ = false;
    machine_.reset();
    context_.trace.note(home_.index(), "supervisor ends");
    home_.guardian().supervisor_died();
}

void Supervisor::hear_new_agent() {
    const bool stopping =
        machine_->phase() == TermMachine::Phase::stopping || machine_->phase() == TermMachine::Phase::killing;
    to_agent_.send(home_.agent().process(), [this, closed = machine_->closed_through(), stopping] {
        home_.agent().hear_hello(closed, stopping);
    });
}

void Supervisor::hear_grant(const TermGrant& grant) {
    TermGrant believed = grant;
    if (context_.profile.breakage == Breakage::no_hard_deadline) {
        believed.soft = believed.soft + kForEver;
        believed.hard = believed.hard + kForEver;
    }
    perform(machine_->on_grant(now(), believed));
}

void Supervisor::hear_revoke(Term term, StopMode mode) { perform(machine_->on_revoke(now(), term, mode)); }

void Supervisor::hear_stop(StopMode mode) { perform(machine_->on_stop(now(), mode)); }

void Supervisor::main_exited() {
    context_.time.after(context_.small_delay(std::chrono::milliseconds(2)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this] { perform(machine_->on_main_exited(now())); });
    });
}

void Supervisor::tree_gone() {
    context_.time.after(context_.small_delay(std::chrono::milliseconds(2)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this] { perform(machine_->on_tree_empty(now())); });
    });
}

void Supervisor::perform(const Actions& actions) {
    for (const auto& action : actions) {
        if (std::holds_alternative<StartWorkload>(action)) {
            home_.page().populated = true;
            home_.guardian().page_published();
            if (!std::exchange(stop_before_start_, false)) {
                home_.tree().start();
                continue;
            }
            context_.trace.note(home_.index(), "supervisor is stopped just before it forks");
            held_start_ = true;
            process_.stop();
            process_.deliver_first([this] {
                held_start_ = false;
                home_.tree().start();
            });
        } else if (std::holds_alternative<AskToStop>(action)) {
            home_.tree().ask_to_stop();
        } else if (std::holds_alternative<KillTree>(action)) {
            context_.trace.note(home_.index(), "supervisor kills the tree");
            home_.tree().kill();
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
}

}  // namespace leasehold::sim
