// SPDX-License-Identifier: Apache-2.0
//
// What an earlier run of a lock left on this machine, recognised by LEASEHOLD_TERM_ID in the environment it was started
// with (supervisor/containment.h, term_id()). Environments get cleared and overwritten: this finds processes to kill,
// it proves nothing. Reads /proc/*/environ of the whole machine (about 10 us a process, without the kernel's own), so
// it is called between trees, not while a deadline runs. It may have to wait for a stranger that changes its memory at
// this moment, as ps(1) may; who waits can be killed.
#pragma once

#include <cstddef>
#include <string>

#include <sys/types.h>

#include "supervisor/containment.h"

namespace leasehold::supervisor {

struct LeftoverCount {
    std::size_t alive = 0;
    std::size_t doomed = 0;  // supervisor/process_status.h
};

// Kills everything alive that carries the mark of this lock and another incarnation than ours; returns how many there
// were, so that it is called again until there are none. Zombies, and processes whose environment may not be read, do
// not count. Left alone: this process, its ancestors (the guardian), its descendants, and whatever has the very value
// that this process has (the agent, in case all of leasehold was started by a workload). Without a mark: does nothing.
LeftoverCount kill_leftovers(const std::string& lock_mark, const std::string& incarnation);

// Kills nothing. True when kill_leftovers() would find nothing. Also false when that is not known: more processes than
// `most` are not looked at.
bool nothing_is_left(const std::string& lock_mark, const std::string& incarnation, std::size_t most);

// The same as kill_leftovers() for what this very incarnation has started, and only that: for a process that is not
// above it.
LeftoverCount kill_remains(const std::string& lock_mark, const std::string& incarnation);

constexpr Leftovers as_leftovers(const LeftoverCount& count) {
    if (count.alive > 0) return Leftovers::alive;
    return count.doomed > 0 ? Leftovers::doomed : Leftovers::none;
}

// The value of a variable that `pid` was started with: at most 1 MiB of its environment is looked at, and at most 256
// bytes of the value returned. Empty when there is none, or it may not be read.
std::string variable_of(pid_t pid, const std::string& name);

}  // namespace leasehold::supervisor
