// SPDX-License-Identifier: Apache-2.0
//
// Finding the descendants of a process in /proc, and sending them signals. A scan races the forks it looks at: it is a
// way to find processes, never a proof that there are none (supervisor/reaper.h has that). Never blocks.
#pragma once

#include <cstddef>
#include <vector>

#include <sys/types.h>

namespace leasehold::supervisor {

// Everything alive below `root`, without `root` itself, without `except` and what is below it (-1: no exception).
// Zombies are left out. Empty, with a line in the log, when /proc cannot be read.
std::vector<pid_t> descendants(pid_t root, pid_t except = -1);

// Sends `signal` to every descendant. Each is held by a pidfd and looked at again before, so that a process id that
// changed hands in between hits nobody else. Returns how many were signalled.
std::size_t signal_descendants(pid_t root, int signal, pid_t except = -1);

}  // namespace leasehold::supervisor
