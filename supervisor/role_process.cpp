// SPDX-License-Identifier: Apache-2.0
#include "supervisor/role_process.h"

#include <cerrno>
#include <csignal>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/signals.h"
#include "supervisor/terminal.h"

namespace leasehold::supervisor {
namespace {

constexpr int kNotExecuted = 127;

}  // namespace

RoleSession session_of_supervisor() { return Terminal::of(getpgrp()) ? RoleSession::of_guardian : RoleSession::own; }

void begin_session(RoleSession session) {
    if (session == RoleSession::own) {
        setsid();
    } else {
        setpgid(0, 0);
    }
}

Result<RoleProcess> start_role_process(const RoleImage& image, RoleSession session) {
    const pid_t pid = fork();
    if (pid < 0) return system_failure("fork");
    if (pid == 0) {
        begin_session(session);
        restore_signals();
        image.execute();
        _exit(kNotExecuted);
    }
    // Nobody but us reaps it, so its id is its own until then.
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd) {
        const int problem = errno;
        kill(pid, SIGKILL);  // it is reaped like any orphan: waiting here could take long
        return system_failure("pidfd_open", problem);
    }
    return RoleProcess{pid, std::move(pidfd)};
}

}  // namespace leasehold::supervisor
