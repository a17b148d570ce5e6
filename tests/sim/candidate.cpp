// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/candidate.h"

#include <utility>

#include "tests/sim/checkers.h"

namespace leasehold::sim {

Candidate::Candidate(Context& context, FakeRegister& store, Checkers& checkers, Settings settings)
    : context_(context),
      store_(store),
      checkers_(checkers),
      settings_(std::move(settings)),
      clocks_(settings_.clocks_at_start, settings_.boot_ppm, settings_.raw_ppm),
      tree_(context, settings_.index,
            {[this] {
                 const bool late = std::exchange(frozen_before_start_, false);
                 checkers_.tree_started(*this, late && reached_on_any_clock(page_.grant.hard, now()));
             },
             [this] { supervisor_.main_exited(); },
             [this] {
                 checkers_.tree_gone(*this);
                 supervisor_.tree_gone();
                 guardian_.tree_gone();
                 down_if_done();
             },
             [this] {
                 checkers_.leftover_gone(*this);
                 supervisor_.leftover_gone();
             }}),
      agent_(*this),
      supervisor_(*this),
      guardian_(*this) {
    timing_ = profile().timing;
}

std::string Candidate::incarnation() const {
    return "c" + std::to_string(settings_.index) + "." + std::to_string(starts_);
}

void Candidate::boot() {
    ++starts_;
    up_ = true;
    longest_lease_ = timing_.lease_duration;
    page_ = {};
    frozen_before_start_ = false;
    context_.trace.note(settings_.index, "boots as", incarnation());
    guardian_.launch();
    supervisor_.launch(0);
    agent_.launch();
}

void Candidate::ask_to_stop() {
    checkers_.asked_to_stop(*this);
    guardian_.ask_to_stop();
}

void Candidate::reload(const election::Timing& timing) {
    context_.trace.note(settings_.index, "reloads, lease in ms", timing.lease_duration / std::chrono::milliseconds(1));
    timing_ = timing;
    longest_lease_ = std::max(longest_lease_, timing.lease_duration);
    agent_.crash();
    guardian_.agent_died();
    down_if_done();
}

void Candidate::crash() {
    context_.trace.note(settings_.index, "crashes as a whole");
    thaw();
    guardian_.process().kill();
    supervisor_.process().kill();
    agent_.crash();
    up_ = false;
    tree_.vanish();
    settings_.on_down();
}

// Where the kernel backs the containment it kills the tree. Otherwise the tree stays until the next start of this
// candidate on this machine finds it, and meanwhile nothing holds it (docs: the promise needs one of the three then).
void Candidate::lose_processes() {
    context_.trace.note(settings_.index, "loses all its processes");
    guardian_.process().kill();
    supervisor_.process().kill();
    agent_.crash();
    if (tree_.alive() && profile().kernel_backed) return tree_.kill();  // down when that is done
    if (tree_.alive()) {
        tree_.leave_behind();
        checkers_.tree_left(*this);
    }
    down_if_done();
}

void Candidate::freeze(bool suspended) {
    if (frozen_ || !up_) return;
    frozen_ = true;
    frozen_before_start_ = supervisor_.stopped_before_start();
    context_.trace.note(settings_.index, suspended ? "is suspended" : "is frozen");
    if (suspended) clocks_.suspend(context_.time.now(), true);
    agent_.process().freeze();
    supervisor_.process().freeze();
    guardian_.process().freeze();
    if (tree_.alive()) checkers_.tree_frozen(*this);
    tree_.freeze();
}

void Candidate::thaw() {
    if (!frozen_) return;
    frozen_ = false;
    clocks_.suspend(context_.time.now(), false);
    const bool was_alive = tree_.alive();
    context_.trace.note(settings_.index, "is thawed", was_alive ? "with a tree" : "");
    if (was_alive) checkers_.tree_thawed(*this, reached_on_any_clock(page_.grant.hard, now()));
    tree_.thaw();
    supervisor_.thawed();
    agent_.process().thaw();
    supervisor_.process().thaw();
    guardian_.process().thaw();
}

void Candidate::set_rates(std::int64_t boot_ppm, std::int64_t raw_ppm) {
    clocks_.set_rates(context_.time.now(), boot_ppm, raw_ppm);
    agent_.process().clock_changed();
    supervisor_.process().clock_changed();
    guardian_.process().clock_changed();
    supervisor_.clock_changed();
}

// Leasehold exits once its election is over and its tree is empty.
void Candidate::down_if_done() {
    const bool no_agent = agent_.finished() || (!guarded() && !agent_.process().alive());
    if (!up_ || !no_agent || tree_.alive() || supervisor_.stopped_before_start()) return;
    context_.trace.note(settings_.index, "is down");
    checkers_.stopped(*this);
    guardian_.process().kill();
    supervisor_.process().kill();
    up_ = false;
    settings_.on_down();
}

}  // namespace leasehold::sim
