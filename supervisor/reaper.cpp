// SPDX-License-Identifier: Apache-2.0
#include "supervisor/reaper.h"

#include <cerrno>
#include <system_error>

#include <sys/wait.h>

#include "base/log.h"

namespace leasehold::supervisor {
namespace {

Exit exit_of(const siginfo_t& info) {
    const bool by_signal = info.si_code != CLD_EXITED;
    return {info.si_pid, by_signal, by_signal ? 128 + info.si_status : info.si_status};
}

}  // namespace

bool reap(Children which, const std::function<void(const Exit&)>& each) {
    // __WALL: also children that were made by clone(2) with another exit signal than SIGCHLD.
    const int options = WEXITED | WNOHANG | __WALL | (which == Children::of_this_thread ? __WNOTHREAD : 0);
    for (;;) {
        siginfo_t info{};
        if (waitid(P_ALL, 0, &info, options) == 0) {
            if (info.si_pid == 0) return false;  // all that are left are alive
            each(exit_of(info));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == ECHILD) return true;
        log::error("waitid: {}", std::generic_category().message(errno));
        return false;
    }
}

bool reap_one(int pidfd, Exit& exit) {
    siginfo_t info{};
    int result = -1;
    do {
        result = waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | __WALL);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno == ECHILD) return true;  // somebody reaped it already: it is gone all the same
    if (result != 0) log::error("waitid on a pidfd: {}", std::generic_category().message(errno));
    if (result != 0 || info.si_pid == 0) return false;
    exit = exit_of(info);
    return true;
}

}  // namespace leasehold::supervisor
