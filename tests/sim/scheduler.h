// SPDX-License-Identifier: Apache-2.0
//
// Virtual time. Things happen in the order of their true time, and in the order in which they were arranged when that
// is the same. "True" is what nobody in the simulated world can read: each candidate has clocks of its own (clocks.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace leasehold::sim {

using TrueTime = Duration;  // since the beginning of the run

class Scheduler {
public:
    using Action = std::function<void()>;

    TrueTime now() const { return now_; }
    std::uint64_t done() const { return done_; }

    void at(TrueTime when, Action action) {
        std::size_t slot = actions_.size();
        if (free_.empty()) {
            actions_.push_back(std::move(action));
        } else {
            slot = free_.back();
            free_.pop_back();
            actions_[slot] = std::move(action);
        }
        heap_.push_back({std::max(when, now_), arranged_++, slot});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }

    // Runs everything that is due until `end`, and leaves the time there.
    void run_until(TrueTime end) {
        while (!heap_.empty() && heap_.front().when <= end) run_next();
        now_ = std::max(now_, end);
    }

private:
    struct Entry {
        TrueTime when;
        std::uint64_t order;
        std::size_t slot;
    };
    static bool later(const Entry& a, const Entry& b) { return a.when != b.when ? a.when > b.when : a.order > b.order; }

    void run_next() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        const Entry entry = heap_.back();
        heap_.pop_back();
        now_ = entry.when;
        ++done_;
        const Action action = std::exchange(actions_[entry.slot], nullptr);
        free_.push_back(entry.slot);
        action();
    }

    TrueTime now_{};
    std::uint64_t arranged_ = 0;
    std::uint64_t done_ = 0;
    std::vector<Entry> heap_;
    std::vector<Action> actions_;
    std::vector<std::size_t> free_;
};

}  // namespace leasehold::sim
