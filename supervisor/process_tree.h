// SPDX-License-Identifier: Apache-2.0
//
// Finding the descendants of a process in /proc, and sending them signals. A look races the forks it looks at: it is a
// way to find processes, never a proof that there are none (supervisor/reaper.h has that).
//
// What a look costs grows with the tree, not with the machine: it follows the kernel's lists of children,
// /proc/PID/task/TID/children (proc(5), CONFIG_PROC_CHILDREN). Where there are none, all of /proc is read.
//
// Every process is held by a pidfd and looked at again before it gets a signal, so that a process id that changed hands
// in between hits nobody else. A process whose first thread has ended while others run is alive, though it is shown as
// a zombie. Never blocks.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace leasehold::supervisor {

// Processes that are left alone, with everything below them.
using Except = std::span<const pid_t>;

enum class Search {
    best,        // by the lists of children where there are some
    everywhere,  // in all of /proc
};

// Everything alive below `root`, without `root` itself, without `except` and what is
// below it . Zombies are left out. Empty, with a line in the log, when /proc cannot be read.
std::vector<pid_t> descendants(pid_t root, Except except = {}, Search search = Search::best);

// The first few of them, for people: "process 42 (sleep, state D)".
std::string describe_descendants(pid_t root, Except except = {});

// The threads of the kernel, most of the processes of a quiet machine: the children of kthreadd, which nobody's orphans
// ever become. Empty where there is none of that name: in a PID namespace.
std::vector<pid_t> kernel_threads();

// Sends `signal` to every descendant, once, and looks again until a look brings nothing new: in a tree that is dying
// orphans change their parents, and one look can miss them. Stops looking again after about 50 ms. Returns how many.
std::size_t signal_descendants(pid_t root, int signal, Except except = {});

// Freezes first, then kills: SIGSTOP to everything found, and looks again until a look brings nothing new, so that a
// tree which forks faster than it can be killed stands still; then SIGKILL to all, children before their parents. Stops
// looking again after about 5 ms and looking at all after about 50 ms, and kills what it has. What is dying already is
// left to die, but not what is below it. Returns how many were killed.
std::size_t kill_descendants(pid_t root, Except except = {}, Search search = Search::best);

}  // namespace leasehold::supervisor
