// SPDX-License-Identifier: Apache-2.0
#include "supervisor/dead_man_timer.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "base/log.h"

namespace leasehold::supervisor {

Result<std::unique_ptr<DeadManTimer>> DeadManTimer::create() {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGKILL;
    timer_t timer{};
    if (timer_create(CLOCK_BOOTTIME, &event, &timer) != 0) return system_failure("timer_create");
    return std::unique_ptr<DeadManTimer>(new DeadManTimer(timer));
}

DeadManTimer::~DeadManTimer() { timer_delete(timer_); }

void DeadManTimer::arm_in(Duration delay) { set(std::max<Duration>(delay, std::chrono::nanoseconds(1))); }
void DeadManTimer::disarm() { set(Duration(0)); }

void DeadManTimer::set(Duration delay) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(delay);
    itimerspec setting{};
    setting.it_value.tv_sec = whole.count();
    setting.it_value.tv_nsec = (delay - whole).count();
    if (timer_settime(timer_, 0, &setting, nullptr) != 0) {
        log::error("timer_settime: {}", std::generic_category().message(errno));
    }
}

}  // namespace leasehold::supervisor
