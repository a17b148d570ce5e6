// SPDX-License-Identifier: Apache-2.0
//
// A workload and all it forked, as far as the promise is concerned: it is alive from its start until its last process
// is gone. It takes its time to obey the stop signal or ignores it; it takes up to the longest kill time to be gone
// after SIGKILL; its main process may end before the rest does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "tests/sim/context.h"

namespace leasehold::sim {

class Tree {
public:
    struct Listener {
        std::function<void()> started;
        std::function<void()> main_exited;
        std::function<void()> gone;
        std::function<void()> leftover_gone;
    };

    Tree(Context& context, int owner, Listener listener)
        : context_(context), owner_(owner), listener_(std::move(listener)) {}

    void start();
    void ask_to_stop();
    void kill();
    void leave_behind();   // all of leasehold was killed at once, and nothing kills the tree
    void end_by_itself();  // the main process exits; what it left behind may live on
    void vanish();         // the machine is gone

    // A frozen tree does not run, and nothing happens to it until it is thawed.
    void freeze();
    void thaw();

    bool alive() const { return alive_ && !leftover_; }
    bool leftover() const { return alive_ && leftover_; }
    bool frozen() const { return frozen_; }

private:
    void plan_main_exit(Duration after);
    void plan_end(Duration after);
    void arrange();
    void happen(std::uint64_t plan);
    void be_gone(const char* how);

    Context& context_;
    int owner_;
    Listener listener_;
    bool alive_ = false;
    bool leftover_ = false;
    bool frozen_ = false;
    bool obeys_ = true;
    bool asked_ = false;
    bool killed_ = false;
    TrueTime frozen_at_{};
    std::optional<TrueTime> main_exit_;  // nothing: not planned, or it has happened
    std::optional<TrueTime> end_;
    std::uint64_t plan_ = 0;
};

}  // namespace leasehold::sim
