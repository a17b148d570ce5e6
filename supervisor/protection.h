// SPDX-License-Identifier: Apache-2.0
//
// What keeps leasehold's own processes going on a machine that is short of processors or memory, and what the workload
// gets back of it, so that it cannot tell. Everything here is an aid: the promise holds without it, a false step-down
// under load is less likely with it. So whatever is not permitted is left as it is, with a line at debug level.
//
// The defaults, and what others who hold leases or heartbeats do:
//
//   scheduling     Guardian and supervisor take SCHED_RR with priority 1. corosync and sbd take SCHED_RR with the
//                  highest priority, because they do the cluster's whole work there; these two only kill and forward,
//                  and need to come before ordinary processes, not before the machine's own real-time ones. keepalived
//                  goes there by itself once it notices late timers; a kill that is late has already done its harm, so
//                  it is done at once here. SCHED_RESET_ON_FORK keeps it from what they start. The agent talks TLS and
//                  JSON, which has no place at a real-time priority, but is to come before a workload that computes:
//                  nice -10. Whoever starts leasehold with another policy or nice value has chosen: then
//                  nothing is changed.
//   oom_score_adj  -900, as distributions give to the message bus: the last to go, but to go before the machine does.
//                  -1000 (sshd, sbd) would make a leak of our own unkillable. When the kernel kills the workload
//                  instead, that is an orderly end of a term.
//   lock_memory    mlockall(2) of what is touched (MCL_ONFAULT), as keepalived, corosync and sbd do: a deadline must
//                  not wait for a disk. Only where there is no limit: under a small RLIMIT_MEMLOCK with MCL_FUTURE it
//                  is later allocations that fail, at the worst of times.
//
// Threads: call from the main thread before there are others; what they get is inherited. Nothing blocks for long.
#pragma once

#include <cstdint>
#include <optional>

#include "supervisor/options.h"

namespace leasehold::supervisor {

// What leasehold was started with and changes for itself, and what a new process does not get back by itself.
// Scheduling is not among it (sched(7), "The reset-on-fork flag"), nor is locked memory (mlock(2)).
struct Inheritance {
    std::optional<int> oom_score_adj;  // nothing: unknown, and left as it is
    // PR_SET_TIMERSLACK in nanoseconds; 0: unknown. Since Linux 6.12 that of a real-time process is zero, and its
    // children inherit the zero.
    std::uint64_t timer_slack = 0;

    friend bool operator==(const Inheritance&, const Inheritance&) = default;
};

// To be called before anything of this is changed.
Inheritance read_inheritance();

// Each at the beginning of its role, after log::init(). The others inherit the guardian's oom_score_adj. The guardian
// calls lock_memory() a moment after it has started them, so that they need not wait for it; a page that it still
// shares with the first agent or supervisor then is copied, and so locked, when it is first written to.
void protect_guardian(const ProtectionOptions& options);
void protect_supervisor(const ProtectionOptions& options);
void protect_agent(const ProtectionOptions& options);
void protect_first_agent(const ProtectionOptions& options);       // it was there before the guardian changed its own
void protect_first_supervisor(const ProtectionOptions& options);  // likewise
void protect_sidecar(const ProtectionOptions& options);           // as the agent, with an oom_score_adj of its own

void lock_memory(const ProtectionOptions& options);

// Whether this process may lock as much memory as it likes.
bool may_lock_memory();

// The part of `started_with` that is different in this process now.
Inheritance what_to_give_back(const Inheritance& started_with);

// In the new process; async-signal-safe calls only. Returns errno, or 0.
int give_back(const Inheritance& inheritance);

// Of this process. Async-signal-safe. Returns errno, or 0.
int set_oom_score_adj(int score);

// What the setting means for a workload of this process.
bool wanted_here(NoNewPrivileges setting);

}  // namespace leasehold::supervisor
