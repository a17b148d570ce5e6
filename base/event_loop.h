// SPDX-License-Identifier: Apache-2.0
//
// One epoll instance and what is called when its descriptors become ready; and a timer on the boot clock.
//
// Threads: everything here belongs to the thread that calls run(). Callbacks run on it one at a time and must not
// block. Ownership: the loop never owns the descriptors it watches; whoever watches one unwatches it before closing it.
// A callback may watch, unwatch (itself too) and stop the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace leasehold {

class EventLoop {
public:
    using Callback = std::function<void(std::uint32_t events)>;  // the EPOLL* bits that are ready

    static Result<std::unique_ptr<EventLoop>> create();

    // Calls `callback` whenever one of `events` (EPOLLIN, ...) is ready on `fd`; level-triggered. Watching a descriptor
    // again replaces events and callback. Fails only as epoll_ctl(2) does.
    Result<void> watch(int fd, std::uint32_t events, Callback callback);

    // No callback for `fd` is made after this, not even for readiness that was already reported.
    void unwatch(int fd);

    // The same for a descriptor of a library that may have closed it before saying so.
    void forget(int fd);

    // Serves callbacks until stop(). Returns an error only when epoll_wait(2) fails for good.
    Result<void> run();

    // One round: waits at most `limit` (nothing at all for zero), serves what is ready.
    Result<void> run_once(Duration limit);

    void stop() { stopped_ = true; }

private:
    explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}

    struct Watch {
        std::uint32_t generation;  // tells a descriptor from an earlier one of the same number
        std::shared_ptr<Callback> callback;
    };

    UniqueFd epoll_;
    std::unordered_map<int, Watch> watches_;
    std::uint32_t last_generation_ = 0;
    bool stopped_ = false;
};

// A timerfd(2) on CLOCK_BOOTTIME, so that it also fires for time that passed while the machine was suspended. Its
// callback may set it anew and may destroy it.
class Timer {
public:
    // The loop must outlive the timer.
    static Result<std::unique_ptr<Timer>> create(EventLoop& loop, std::function<void()> callback);
    ~Timer();

    // Fires once, `delay` from now (at once when that is not positive). Replaces an earlier setting.
    void arm_in(Duration delay);
    void disarm();

private:
    Timer(EventLoop& loop, UniqueFd fd) : loop_(loop), fd_(std::move(fd)) {}
    void set(Duration delay);

    EventLoop& loop_;
    UniqueFd fd_;
};

}  // namespace leasehold
