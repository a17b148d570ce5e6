// SPDX-License-Identifier: Apache-2.0
//
// For a process that a test has forked: going on as PID 1 of a PID namespace, where that is permitted.
#pragma once

#include <cerrno>
#include <csignal>

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace leasehold::harness {

inline constexpr int kNotPossible = 77;  // the exit status of a process that may not

// Returns in a child, PID 1 of a namespace with a /proc of its own; the caller waits for it and ends as it does, as a
// shell says it.
inline void go_on_as_pid_1() {
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) _exit(kNotPossible);
    const pid_t init = fork();
    if (init == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(kNotPossible);
        if (mount("proc", "/proc", "proc", 0, nullptr) != 0) _exit(kNotPossible);
        return;
    }
    int status = 0;
    while (waitpid(init, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace leasehold::harness
