// SPDX-License-Identifier: Apache-2.0
//
// Reaping children, and the one proof of emptiness that a subreaper has: a process without children has no descendants
// (those whose parent ends are given to it), and a process without descendants cannot get any.
//
// Never blocks. Exits of unknown children are reported like any other.
#pragma once

#include <functional>

#include <sys/types.h>

namespace leasehold::supervisor {

struct Exit {
    pid_t pid = -1;
    bool by_signal = false;
    int status = 0;  // the exit code, or 128 + signal
};

enum class Children {
    of_process,      // of any thread of this process
    of_this_thread,  // of the calling thread only, see RoleSpawner
};

// Reaps every child that has ended. True when no child is left, dead or alive: the proof.
bool reap(Children which, const std::function<void(const Exit&)>& each);

// Reaps the one child behind this pidfd, whichever thread started it. False while it lives.
bool reap_one(int pidfd, Exit& exit);

}  // namespace leasehold::supervisor
