// SPDX-License-Identifier: Apache-2.0
//
// What /proc says about one process, and signals that cannot hit another one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"

namespace leasehold::supervisor {

struct ProcessStatus {
    pid_t parent = -1;
    bool alive = false;              // no zombie; a first thread that has ended does not make the process one
    unsigned long long started = 0;  // together with its number this tells one process from another
    long threads = 0;
    bool of_kernel = false;  // one of its threads, which /proc shows as processes too
    bool dying = false;  // its only thread has SIGKILL pending, or ends already: it will never run its program again
};

// Nothing when there is no such process.
std::optional<ProcessStatus> status_of(pid_t pid);

// The entries of a folder of /proc that are numbers: its processes, or a process's threads. Nothing, with errno set,
// when it cannot be opened.
std::optional<std::vector<pid_t>> numbers_in(const std::string& path);

// Whether it will never run an instruction of its program again: SIGKILL is pending for all its threads, and each of
// them is in the kernel, out of which it does not return without seeing that. Frozen by a v1 freezer, say, or waiting
// for a disk that is gone. It is not dead, and a system call that it is in may still come to its end.
bool is_doomed(pid_t pid);

// Nothing (an empty descriptor) when it has ended, or with a line in the log.
UniqueFd open_process(pid_t pid);

// Whether the process behind this pidfd has ended. Async-signal-safe.
bool has_ended(int pidfd);

// False when it has ended, or with a line in the log.
bool send_signal(const UniqueFd& process, pid_t pid, int signal);

}  // namespace leasehold::supervisor
