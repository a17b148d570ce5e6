// SPDX-License-Identifier: Apache-2.0
//
// What leasehold's own processes lay down of the capabilities(7) that they were given. It is an aid, not a boundary:
// whoever may kill, start and look at a workload that is root is not far from root; a leasehold that is to be kept from
// that is run as somebody else.
//
//   guardian, supervisor  keep in effect what the promise needs: to start the workload as whoever it is to be, to find
//                         and to kill what is left of it, and to come before other processes. The rest stays permitted,
//                         because under no_new_privs an execution gives nobody more than was permitted before it
//                         (capabilities(7), prctl(2)): the workload would have less than without leasehold. An
//                         execution does not look at what is in effect.
//   agent                 keeps files of other users (certificates, a lease in their folder), and what kills a tree
//   when
//                         guardian and supervisor are gone. The rest is gone for good, for what it executes too.
//
// Without CAP_SYS_PTRACE nothing is laid down: the kernel then shows a process's environment, by which leftovers are
// found, only to one that has in effect all that the other was permitted (ptrace(2), "access mode checking").
//
// Threads: from the main thread before there are others; it is this thread's affair, which others inherit. Nothing
// blocks.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace leasehold::supervisor {

// A set of capabilities: bit N is the capability that linux/capability.h calls N.
using CapabilitySet = std::uint64_t;

struct Capabilities {
    CapabilitySet effective = 0, permitted = 0, inheritable = 0;

    friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

// Of this thread.
Result<Capabilities> read_capabilities();

// What each would have, given these. The same when they may not lay anything down.
Capabilities of_supervising(const Capabilities& given, bool pid_namespace);
Capabilities of_agent(const Capabilities& given);

// Each at the beginning of its role, after the protection (supervisor/protection.h), which needs more. What cannot be
// laid down is kept, with a line at debug level.
void lay_down_as_supervising(bool pid_namespace);
void lay_down_as_agent();

}  // namespace leasehold::supervisor
