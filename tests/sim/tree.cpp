// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/tree.h"

#include <algorithm>

namespace leasehold::sim {

void Tree::start() {
    alive_ = true;
    leftover_ = frozen_ = asked_ = killed_ = false;
    main_exit_.reset();
    end_.reset();
    obeys_ = !context_.random.chance(context_.profile.ignores_stop);
    context_.trace.note(owner_, "tree started", obeys_ ? "" : "(ignores the stop signal)");
    if (context_.random.chance(context_.profile.ends_by_itself)) {
        plan_main_exit(context_.random.scaled(context_.profile.longest_lease, 0.0, 2.0));
    }
    listener_.started();
}

void Tree::plan_main_exit(Duration after) {
    const TrueTime when = context_.time.now() + after;
    main_exit_ = main_exit_ ? std::min(*main_exit_, when) : when;
    arrange();
}

void Tree::plan_end(Duration after) {
    const TrueTime when = context_.time.now() + after;
    end_ = end_ ? std::min(*end_, when) : when;
    arrange();
}

void Tree::ask_to_stop() {
    if (!alive_ || !obeys_ || asked_) return;
    asked_ = true;
    const Duration longest =
        context_.random.chance(0.7) ? context_.profile.shortest_lease / 20 : context_.profile.shortest_lease * 2;
    const Duration takes = context_.random.between(Duration{}, longest);
    plan_main_exit(takes / 2);
    plan_end(takes);
}

void Tree::kill() {
    if (!alive_ || killed_) return;
    killed_ = true;
    const double luck = context_.random.share();
    const Duration longest = context_.profile.longest_kill(owner_);
    plan_end(luck < 0.4   ? context_.random.between(Duration{1000}, std::min(longest, Duration{1'000'000}))
             : luck < 0.7 ? context_.random.between(Duration{1000}, longest)
                          : longest);
}

void Tree::end_by_itself() {
    if (!alive_) return;
    plan_main_exit(Duration{});
    if (context_.random.chance(0.7)) plan_end(context_.random.between(Duration{}, Duration{1'000'000}));
}

void Tree::leave_behind() {
    leftover_ = alive_;
    context_.trace.note(owner_, "tree is left behind");
}

void Tree::vanish() {
    if (!alive_) return;
    frozen_ = false;
    ++plan_;
    be_gone("tree vanished");
}

void Tree::be_gone(const char* how) {
    const bool left = leftover_;
    alive_ = leftover_ = false;
    context_.trace.note(owner_, how, left ? "(a leftover)" : "");
    left ? listener_.leftover_gone() : listener_.gone();
}

void Tree::freeze() {
    if (!alive_ || frozen_) return;
    frozen_ = true;
    frozen_at_ = context_.time.now();
    ++plan_;
}

void Tree::thaw() {
    if (!alive_ || !frozen_) return;
    frozen_ = false;
    const Duration lost = context_.time.now() - frozen_at_;
    if (main_exit_) *main_exit_ += lost;
    if (end_) *end_ += lost;
    arrange();
}

void Tree::arrange() {
    if (frozen_) {
        return;  // thaw() does it
    }
    const std::uint64_t plan = ++plan_;
    if (main_exit_ && (!end_ || *main_exit_ < *end_)) {
        context_.time.at(*main_exit_, [this, plan] { happen(plan); });
    } else if (end_) {
        context_.time.at(*end_, [this, plan] { happen(plan); });
    }
}

void Tree::happen(std::uint64_t plan) {
    if (plan != plan_) return;
    if (main_exit_ && (!end_ || *main_exit_ < *end_)) {
        main_exit_.reset();
        context_.trace.note(owner_, "main process exited");
        arrange();
        if (!leftover_) listener_.main_exited();
        return;
    }
    be_gone("tree gone");
}

}  // namespace leasehold::sim
