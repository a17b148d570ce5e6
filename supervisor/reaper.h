// SPDX-License-Identifier: Apache-2.0
//
// Reaping children, and the one proof of emptiness that a subreaper has: a process without children has no descendants
// (those whose parent ends are given to it), and a process without descendants cannot get any.
//
// Never blocks. Exits of unknown children are reported like any other.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include <sys/types.h>

namespace leasehold::supervisor {

struct Exit {
    pid_t pid = -1;
    bool by_signal = false;
    int status = 0;  // the exit code, or 128 + signal
};

// Reaps every child that has ended, but none of `own`, which are children that their pidfds are reaped by. True when no
// child is left, dead or alive, but those of `own`: the proof.
//
// With something in `own` waitid(2) cannot say that by ECHILD, so the kernel's list of this process's children has to:
// /proc/self/task/<tid>/children (proc(5)). It is no scan that forks could race. New children and adopted orphans are
// only ever appended to it, and the next entry is looked up after the last one printed while that one is still there.
// So when it shows nothing but living children of our own, then at the moment of the last look-up nothing stood behind
// them, and nothing ever stood before them. Where a kernel has no such list (CONFIG_PROC_CHILDREN) or /proc is missing,
// there is no proof while one of `own` is alive.
//
// `before` hears of each child that has ended just before it is reaped: until then its number, and that of its process
// group, can be nobody else's.
bool reap(const std::function<void(const Exit&)>& each, std::span<const pid_t> own = {},
          const std::function<void(pid_t)>& before = {});

// What that list says now; empty when there is none.
std::vector<pid_t> own_children();

// Whether there is such a list at all.
bool children_can_be_listed();

// Reaps the one child behind this pidfd. False while it lives.
bool reap_one(int pidfd, Exit& exit);

}  // namespace leasehold::supervisor
