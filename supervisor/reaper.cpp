// SPDX-License-Identifier: Apache-2.0
#include "supervisor/reaper.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

namespace leasehold::supervisor {
namespace {

Exit exit_of(const siginfo_t& info) {
    const bool by_signal = info.si_code != CLD_EXITED;
    return {info.si_pid, by_signal, by_signal ? 128 + info.si_status : info.si_status};
}

bool contains(std::span<const pid_t> pids, pid_t pid) { return std::find(pids.begin(), pids.end(), pid) != pids.end(); }

// Of the main thread, and orphans are given to that one; no other makes children here.
std::string list_path() { return "/proc/self/task/" + std::to_string(getpid()) + "/children"; }

std::optional<std::vector<pid_t>> list_children() {
    std::ifstream list(list_path());
    if (!list) return std::nullopt;
    std::vector<pid_t> children;
    for (pid_t child = 0; list >> child;) children.push_back(child);
    if (!list.eof()) return std::nullopt;
    return children;
}

bool only_own_children(std::span<const pid_t> own) {
    const auto children = list_children();
    return children && std::all_of(children->begin(), children->end(), [&](pid_t pid) { return contains(own, pid); });
}

}  // namespace

bool reap(const std::function<void(const Exit&)>& each, std::span<const pid_t> own,
          const std::function<void(pid_t)>& before) {
    // __WALL: also children that were made by clone(2) with another exit signal than SIGCHLD.
    constexpr int kEnded = WEXITED | WNOHANG | __WALL;
    for (;;) {
        siginfo_t info{};
        if (waitid(P_ALL, 0, &info, kEnded | WNOWAIT) != 0) {
            if (errno == EINTR) continue;
            if (errno == ECHILD) return true;
            log::error("waitid: {}", std::generic_category().message(errno));
            return false;
        }
        const bool all_alive = info.si_pid == 0;
        if (all_alive || contains(own, info.si_pid)) return !own.empty() && only_own_children(own);
        if (before) before(info.si_pid);
        siginfo_t reaped{};
        if (waitid(P_PID, static_cast<id_t>(info.si_pid), &reaped, kEnded) == 0 && reaped.si_pid != 0) {
            each(exit_of(reaped));
        }
    }
}

std::vector<pid_t> own_children() { return list_children().value_or(std::vector<pid_t>{}); }

// Only a kernel without the list counts as one: a lack of descriptors or memory passes.
bool children_can_be_listed() { return access(list_path().c_str(), F_OK) == 0 || errno != ENOENT; }

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
