// SPDX-License-Identifier: Apache-2.0
//
// How the workload's tree is held together: found, signalled, killed, and proven empty. One object a term. The
// subreaper is the form that always works; a cgroup or a PID namespace will be further ones.
//
// Threads: the supervisor's only one. Nothing here blocks.
#pragma once

#include <memory>

#include <sys/types.h>

namespace leasehold::supervisor {

class Containment {
public:
    virtual ~Containment() = default;

    // Called in the new process, before it executes the workload. Only async-signal-safe calls. Returns errno, or 0.
    virtual int enter() const = 0;

    // Sends a signal to everything in the tree, once.
    virtual void signal_all(int signal) = 0;

    // SIGKILL to whatever is found alive. Called again and again until empty().
    virtual void kill_pass() = 0;

    // Proof that nothing of the tree is alive. `no_children`: the caller has just waited for every child of its own
    // until there was none (supervisor/reaper.h).
    virtual bool empty(bool no_children) const = 0;
};

// Everything below this process, which must be a subreaper (PR_SET_CHILD_SUBREAPER) from before the first fork.
std::unique_ptr<Containment> make_subreaper_containment();

}  // namespace leasehold::supervisor
