// SPDX-License-Identifier: Apache-2.0
//
// One process of a candidate, seen from outside: it exists or not, it runs or is stopped, it has a queue of input and
// one timer on the candidate's boot clock. What arrives while it is stopped waits; what was meant for a process that
// died is lost.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "tests/sim/clocks.h"
#include "tests/sim/context.h"

namespace leasehold::sim {

class Process {
public:
    using Action = std::function<void()>;

    Process(Context& context, const Clocks& clocks, Action on_timer)
        : context_(context), clocks_(clocks), on_timer_(std::move(on_timer)) {}

    void start();
    void kill();
    bool alive() const { return alive_; }
    std::uint64_t life() const { return life_; }  // another number for each process in this place

    // SIGSTOP and SIGCONT, and a machine that is frozen and thawed.
    void stop() { stopped_ = alive_; }
    void resume();
    void freeze() { frozen_ = true; }
    void thaw();
    bool running() const { return alive_ && !held(); }
    bool stopped() const { return stopped_; }

    // `action` runs in this process: now, or when it goes on.
    void deliver(Action action);
    // For what this process was about to do when it was stopped: before anything that waits.
    void deliver_first(Action action) {
        waiting_.push_front(std::move(action));
        interrupted_ = true;
    }

    // The timer: fires once BOOTTIME has moved on by `length`, a little late as timers are.
    void arm(Duration length);
    void disarm() { armed_ = expired_ = false; }
    bool armed() const { return armed_ || expired_; }
    void clock_changed();  // the rate of BOOTTIME is another one now

private:
    bool held() const { return stopped_ || frozen_; }
    void go_on();
    void schedule();
    void fire(std::uint64_t arming);
    void catch_up();

    Context& context_;
    const Clocks& clocks_;
    Action on_timer_;
    bool alive_ = false;
    std::uint64_t life_ = 0;
    bool stopped_ = false;
    bool frozen_ = false;
    std::deque<Action> waiting_;
    bool catching_up_ = false;
    bool interrupted_ = false;  // the first of what waits comes before the timer, too
    bool armed_ = false;
    bool expired_ = false;  // while stopped
    std::uint64_t arming_ = 0;
    Duration boot_target_{};
};

// What a process does regularly besides its timer. One that is held when it is due does it once when it goes on.
class Rhythm {
public:
    Rhythm(Context& context, const Clocks& clocks, Process& process, Process::Action action)
        : context_(context), clocks_(clocks), process_(process), action_(std::move(action)) {}

    void arm(Duration length);  // replaces what was armed before

private:
    Context& context_;
    const Clocks& clocks_;
    Process& process_;
    Process::Action action_;
    std::uint64_t arming_ = 0;
};

// One direction of a socket between two processes: small delays, order kept.
class Channel {
public:
    explicit Channel(Context& context) : context_(context) {}
    void send(Process& to, Process::Action action);

private:
    Context& context_;
    TrueTime last_{};
};

}  // namespace leasehold::sim
