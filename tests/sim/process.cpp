// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/process.h"

#include <algorithm>
#include <utility>

namespace leasehold::sim {

void Process::start() {
    kill();
    alive_ = true;
}

void Process::kill() {
    alive_ = false;
    ++life_;
    waiting_.clear();
    catching_up_ = interrupted_ = false;
    armed_ = expired_ = stopped_ = false;
}

void Process::deliver(Action action) {
    if (!alive_) return;
    if (held() || catching_up_) {
        waiting_.push_back(std::move(action));
    } else {
        action();
    }
}

void Process::resume() {
    stopped_ = false;
    go_on();
}

void Process::thaw() {
    frozen_ = false;
    go_on();
}

void Process::go_on() {
    if (!running() || catching_up_) return;
    if (waiting_.empty() && !expired_) return;
    catching_up_ = true;
    context_.time.after(context_.small_delay(context_.profile.longest_lateness()), [this, life = life_] {
        if (life == life_) catch_up();
    });
}

// A loop that wakes up finds its input and its timer ready at once; which it looks at first is anybody's guess.
void Process::catch_up() {
    const std::uint64_t life = life_;
    const bool timer_first = context_.random.chance(0.5) && !std::exchange(interrupted_, false);
    if (expired_ && timer_first && !held()) {
        expired_ = false;
        on_timer_();
    }
    while (life == life_ && !held() && !waiting_.empty()) {
        const Action action = std::move(waiting_.front());
        waiting_.pop_front();
        action();
    }
    if (life != life_) return;
    catching_up_ = false;
    if (expired_ && !held()) {
        expired_ = false;
        on_timer_();
    }
}

void Process::arm(Duration length) {
    boot_target_ = clocks_.at(context_.time.now()).boot + std::max(length, Duration{});
    armed_ = true;
    expired_ = false;
    schedule();
}

void Process::schedule() {
    const Duration left = std::max(boot_target_ - clocks_.at(context_.time.now()).boot, Duration{});
    const Duration late = context_.small_delay(context_.profile.longest_lateness());
    context_.time.after(clocks_.true_length(left) + late, [this, arming = ++arming_] { fire(arming); });
}

void Process::fire(std::uint64_t arming) {
    if (!armed_ || arming != arming_) return;
    armed_ = false;
    if (held() || catching_up_) {
        expired_ = true;
    } else {
        on_timer_();
    }
}

void Process::clock_changed() {
    if (armed_) schedule();
}

void Rhythm::arm(Duration length) {
    const Duration late = context_.small_delay(context_.profile.longest_lateness());
    const auto still = [this, arming = ++arming_, life = process_.life()] {
        return arming == arming_ && life == process_.life();
    };
    context_.time.after(clocks_.true_length(length) + late, [this, still] {
        if (!still()) return;
        process_.deliver([this, still] {
            if (still()) action_();
        });
    });
}

void Channel::send(Process& to, Process::Action action) {
    const TrueTime now = context_.time.now();
    last_ = std::max(last_ + Duration{1}, now + context_.small_delay(std::chrono::milliseconds(30)));
    context_.time.at(last_, [&to, life = to.life(), action = std::move(action)] {
        if (life == to.life()) to.deliver(action);
    });
}

}  // namespace leasehold::sim
