// SPDX-License-Identifier: Apache-2.0
#include <chrono>

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
}

// Not PID 1: the others see the end of their sockets, stop and exit.
void Guardian::crash() {
    process_.kill();
    context_.trace.note(home_.index(), "guardian ends");
    to_supervisor_.send(home_.supervisor().process(), [this] { home_.supervisor().hear_stop(StopMode::kill); });
    to_agent_.send(home_.agent().process(), [this] { home_.agent().ask_to_stop(); });
}

void Guardian::ask_to_stop() {
    process_.deliver([this] {
        stopping_ = true;
        context_.trace.note(home_.index(), "is asked to stop");
        to_supervisor_.send(home_.supervisor().process(), [this] { home_.supervisor().hear_stop(StopMode::orderly); });
        to_agent_.send(home_.agent().process(), [this] { home_.agent().ask_to_stop(); });
    });
}

void Guardian::page_published() {
    if (process_.alive() && !process_.armed()) process_.arm(Duration{});
}

// The hard instant, from the page alone. The timer is set for less than what is left, because the other clock may be
// ahead of the one that timers run on. Who is stopped at that moment must not wake up later and start something.
void Guardian::look() {
    const Page& page = home_.page();
    if (!page.populated || context_.profile.breakage == Breakage::no_hard_deadline) {
        overdue_since_.reset();
        return;
    }
    const Duration left = left_on_any_clock(page.grant.hard, home_.now());
    if (left > Duration{}) {
        overdue_since_.reset();
        process_.arm(left > milliseconds(2) ? left * 7 / 8 : left);
        return;
    }
    if (!overdue_since_) {
        overdue_since_ = context_.time.now();
        context_.trace.note(home_.index(), "guardian kills the tree");
    }
    home_.tree().kill();
    const bool hung = context_.time.now() - *overdue_since_ > context_.profile.kill_allowance / 2;
    if (home_.supervisor().process().stopped() || hung) home_.supervisor().crash();
    process_.arm(milliseconds(2));
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
            home_.supervisor().hear_new_agent();
            if (!stopping_) return;
            to_supervisor_.send(home_.supervisor().process(),
                                [this] { home_.supervisor().hear_stop(StopMode::orderly); });
        });
    });
}

}  // namespace leasehold::sim
