// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <array>
#include <limits>

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "base/log.h"

namespace leasehold {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
    UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return system_failure("epoll_create1");
    return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

Result<void> EventLoop::watch(int fd, std::uint32_t events, Callback callback) {
    epoll_event wanted{};
    wanted.events = events;
    const std::uint32_t generation = ++last_generation_;
    wanted.data.u64 = std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
    const bool known = watches_.contains(fd);
    if (epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &wanted) != 0) {
        return system_failure("epoll_ctl");
    }
    watches_[fd] = {generation, std::make_shared<Callback>(std::move(callback))};
    return {};
}

void EventLoop::unwatch(int fd) {
    if (watches_.erase(fd) == 0) return;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) != 0) {
        log::warn("epoll_ctl cannot remove descriptor {}: {}", fd, std::generic_category().message(errno));
    }
}

void EventLoop::forget(int fd) {
    if (watches_.erase(fd) == 0) return;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);  // the kernel lets go by itself of what is closed
}

Result<void> EventLoop::run() {
    stopped_ = false;
    while (!stopped_) {
        if (auto done = run_once(Duration::max()); !done) return done;
    }
    return {};
}

Result<void> EventLoop::run_once(Duration limit) {
    std::array<epoll_event, 32> ready{};
    using std::chrono::milliseconds;
    const auto ms = std::chrono::ceil<milliseconds>(std::min<Duration>(limit, std::chrono::hours(1)));
    const int wait = limit == Duration::max() ? -1 : static_cast<int>(std::max(ms, milliseconds(0)).count());
    const int count = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), wait);
    if (count < 0) {
        if (errno == EINTR) return {};
        return system_failure("epoll_wait");
    }
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = ready[static_cast<std::size_t>(i)];
        const auto found = watches_.find(static_cast<int>(event.data.u64 & 0xffffffffU));
        // An earlier callback of this round may have unwatched it, or watched it anew.
        if (found == watches_.end() || found->second.generation != event.data.u64 >> 32) continue;
        const std::shared_ptr<Callback> callback = found->second.callback;  // survives its own unwatch()
        (*callback)(event.events);
    }
    return {};
}

Result<std::unique_ptr<Timer>> Timer::create(EventLoop& loop, std::function<void()> callback) {
    UniqueFd fd(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!fd) return system_failure("timerfd_create");
    const int raw_fd = fd.get();
    std::unique_ptr<Timer> timer(new Timer(loop, std::move(fd)));
    // The loop owns the callback, and keeps it while it runs: it may destroy the timer.
    auto watched = loop.watch(raw_fd, EPOLLIN, [raw_fd, callback = std::move(callback)](std::uint32_t) {
        std::uint64_t expirations = 0;
        // EAGAIN: it was set anew between readiness and this read; the new setting will fire by itself.
        if (read(raw_fd, &expirations, sizeof expirations) == sizeof expirations) callback();
    });
    if (!watched) return tl::unexpected<Error>(watched.error());
    return timer;
}

Timer::~Timer() { loop_.unwatch(fd_.get()); }

void Timer::arm_in(Duration delay) { set(std::max(delay, Duration(1))); }

void Timer::disarm() { set(Duration(0)); }

void Timer::set(Duration delay) {
    itimerspec setting{};
    const auto seconds = std::chrono::floor<std::chrono::seconds>(delay);
    setting.it_value.tv_sec = seconds.count();
    setting.it_value.tv_nsec = (delay - seconds).count();
    if (timerfd_settime(fd_.get(), 0, &setting, nullptr) != 0) {
        log::error("timerfd_settime: {}", std::generic_category().message(errno));
    }
}

}  // namespace leasehold
