// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/sim/candidate.h"
#include "tests/sim/checkers.h"

namespace leasehold::sim {

using std::chrono::milliseconds;
using supervisor::StopMode;

Guardian::Guardian(Candidate& home)
    : home_(home),
      context_(home.context()),
      process_(home.context(), home.clocks(), [this] { look(); }),
      to_supervisor_(home.context()),
      to_agent_(home.context()) {}

void Guardian::launch() {
    process_.start();
    stopping_ = emptying_ = false;
    overdue_since_.reset();
    agents_ = 0;
    last_beats_ = 0;
    silent_for_ = {};
    last_look_ = home_.now();
    process_.arm(recheck());
}

Duration Guardian::recheck() const { return home_.timing().lease_duration / 20; }

// Not PID 1: the others see the end of their sockets, stop and exit.
void Guardian::crash() {
    process_.kill();
    context_.trace.note(home_.index(), "guardian ends");
    to_supervisor_.send(home_.supervisor().process(), [this] { home_.supervisor().hear_stop(StopMode::orderly); });
    to_agent_.send(home_.agent().process(), [this] { home_.agent().lose_guardian(); });
}

void Guardian::ask_to_stop() {
    process_.deliver([this] {
        stopping_ = true;
        context_.trace.note(home_.index(), "is asked to stop");
        to_supervisor_.send(home_.supervisor().process(), [this] { home_.supervisor().hear_stop(StopMode::orderly); });
        to_agent_.send(home_.agent().process(), [this] { home_.agent().ask_to_stop(); });
    });
}

// There is a hard instant to be awake at.
void Guardian::page_published() {
    if (process_.alive()) process_.arm(Duration{});
}

void Guardian::look() {
    const Instant at = home_.now();
    Duration wait = recheck();
    const bool deadlines = context_.profile.breakage != Breakage::no_hard_deadline;
    if (home_.page().populated && home_.supervisor().process().alive() && deadlines) {
        wait = std::min(wait, enforce_hard_instant(at));
    } else {
        overdue_since_.reset();
    }
    listen_for_the_agent(at);
    process_.arm(wait);
}

// From the page alone. The timer is set for less than what is left, because the other clock may be ahead of the one
// that timers run on. A supervisor that has not emptied the tree soon after does not work.
Duration Guardian::enforce_hard_instant(Instant at) {
    const Duration left = left_on_any_clock(home_.page().grant.hard, at);
    if (left > Duration{}) {
        overdue_since_.reset();
        return left > milliseconds(2) ? left * 7 / 8 : left;
    }
    if (!overdue_since_) {
        overdue_since_ = at;
        context_.trace.note(home_.index(), "guardian kills the tree");
    }
    home_.tree().kill();
    if (elapsed_at_most(*overdue_since_, at) < context_.profile.kill_allowance / 3) return milliseconds(2);
    home_.supervisor().crash();
    return recheck();
}

// Only time in which the guardian itself ran is counted.
void Guardian::listen_for_the_agent(Instant at) {
    constexpr Duration kShortestSilence = std::chrono::seconds(5);
    const Duration since_last_look = elapsed_at_least(std::exchange(last_look_, at), at);
    const std::uint64_t beats = home_.page().beats;
    const bool silent = home_.agent().process().alive() && beats == std::exchange(last_beats_, beats);
    silent_for_ = silent ? silent_for_ + std::min(since_last_look, recheck()) : Duration{};
    if (silent_for_ < std::max(2 * home_.timing().lease_duration, kShortestSilence)) return;
    if (context_.profile.breakage == Breakage::stuck_agent_is_left) return;
    silent_for_ = {};
    context_.trace.note(home_.index(), "guardian kills the agent, which does not go on");
    home_.agent().crash();
    agent_died();
    home_.down_if_done();
}

void Guardian::hear_of_silence() {
    context_.trace.note(home_.index(), "guardian kills the supervisor, which does not answer");
    home_.supervisor().crash();
}

void Guardian::agent_died() {
    process_.deliver([this] {
        const Duration backoff = context_.random.chance(0.8)
                                     ? context_.small_delay(milliseconds(20))
                                     : context_.random.between(Duration{}, context_.profile.shortest_lease);
        context_.time.after(backoff, [this, life = process_.life()] {
            if (life != process_.life()) return;
            process_.deliver([this] {
                if (home_.agent().process().alive()) return;
                silent_for_ = {};
                home_.agent().launch();
                if (stopping_) to_agent_.send(home_.agent().process(), [this] { home_.agent().ask_to_stop(); });
            });
        });
    });
}

void Guardian::supervisor_died() {
    context_.time.after(context_.small_delay(milliseconds(2)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this] { empty_out(); });
    });
}

void Guardian::empty_out() {
    emptying_ = true;
    home_.tree().kill();
    if (!home_.tree().alive()) closed_out();
}

void Guardian::tree_gone() {
    context_.time.after(context_.small_delay(milliseconds(2)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this] {
            if (emptying_) closed_out();
        });
    });
}

void Guardian::closed_out() {
    emptying_ = false;
    Page& page = home_.page();
    page.populated = false;
    page.closed_through = page.grant.term;
    context_.trace.note(home_.index(), "guardian has emptied the tree, closed through", page.closed_through);
    to_agent_.send(home_.agent().process(), [this, term = page.closed_through] { home_.agent().hear_empty(term); });
    context_.time.after(context_.small_delay(milliseconds(20)), [this, life = process_.life()] {
        if (life != process_.life()) return;
        process_.deliver([this] {
            home_.supervisor().launch(home_.page().closed_through);
            const std::uint64_t supervisors_life = home_.supervisor().process().life();
            to_agent_.send(home_.agent().process(),
                           [this, supervisors_life] { home_.agent().connect_supervisor(supervisors_life); });
            home_.supervisor().hear_new_agent();
            if (!stopping_) return;
            to_supervisor_.send(home_.supervisor().process(),
                                [this] { home_.supervisor().hear_stop(StopMode::orderly); });
        });
    });
}

}  // namespace leasehold::sim
