// SPDX-License-Identifier: Apache-2.0
//
// How a tree is held together: born, found, signalled, killed, and proven empty. Three ways:
//
//   subreaper  our descendants, found by walking the kernel's lists of children; always works
//   cgroup     a cgroup v2 of its own below ours: the kernel kills it as a whole, and it is found again by the next
//              start when all of leasehold was killed at once (cgroups(7), cgroup.kill since Linux 5.14)
//   namespace  a PID namespace of its own whose init dies with the supervisor, so that the kernel empties it whatever
//              happens to us (pid_namespaces(7)); needs CAP_SYS_ADMIN
//
// Whatever the way, the workload is below the supervisor, and when that is dead, below the guardian, both of which are
// subreapers. So the proof of emptiness is the same for all (supervisor/reaper.h: no child is left), and a cgroup has
// to be unpopulated besides: what left the cgroup is found by the walk, what the walk overlooks by the cgroup.
//
// Threads: the only one of supervisor or guardian. Nothing here blocks, but for what supervisor/leftovers.h says.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

#include "base/result.h"
#include "supervisor/options.h"
#include "supervisor/process_tree.h"

namespace leasehold::supervisor {

enum class ContainmentMethod { subreaper, cgroup, pid_namespace };

const char* name_of(ContainmentMethod method);  // "subreaper", "cgroup", "namespace": as in the configuration

// What `leasehold run` found out once, before anything was started. The same for every process of this start.
struct ContainmentPlan {
    ContainmentMethod method = ContainmentMethod::subreaper;
    std::string lock_mark;     // 16 hex digits that stand for the lock: all candidates of one election have the same
    std::string cgroup;        // the lock's cgroup, an absolute path; empty unless that is the method
    std::string why_not_more;  // for people: why `automatic` took no cgroup; empty when it did

    friend bool operator==(const ContainmentPlan&, const ContainmentPlan&) = default;
};

// "cgroup /sys/fs/cgroup/...", "subreaper (no cgroup: <why>)", "namespace".
std::string describe(const ContainmentPlan& plan);

// What a plan for this lock has as its mark.
std::string lock_mark_of(const std::string& election, const std::string& lock_id);

// Whether cgroups can be used here, tried for real: a group is made in another one below our own, a process born in it
// and killed by cgroup.kill; when the group says that it is unpopulated both are removed. Returns the path of our own,
// below which a lock's can be made. Fails with what is wrong and what to do about it. Blocks for a millisecond; at most
// 2 s.
Result<std::string> try_cgroups();
using CgroupTrial = std::function<Result<std::string>()>;

// The wanted method, if it is possible here. Fails with what to do about it when it is not; `automatic` never fails.
// `lock_id` names the lock as nothing else does (its store's own idea of identity, not a path that means another file
// in another container). Cgroups are tried by `trial` if one may be wanted. Blocks for some milliseconds.
Result<ContainmentPlan> plan_containment(ContainmentChoice wanted, const std::string& election,
                                         const std::string& lock_id, const CgroupTrial& trial = try_cgroups);

// The variable by which leftovers of an earlier run are recognised: LEASEHOLD_TERM_ID=<mark>-<incarnation>-<term>.
std::string term_id(const ContainmentPlan& plan, const std::string& incarnation, std::uint64_t term);

// What was found of an earlier run. What is doomed never runs an instruction of its program again, but is not dead, and
// the system call that it is in may still come to its end (supervisor/process_status.h).
enum class Leftovers { none, doomed, alive };

// What a tree is there for. Two of them are never alive at once.
enum class Purpose {
    term,     // the workload's
    standby,  // of what is executed while no term runs (supervisor/standby_machine.h)
};

// How far a pass of kills goes where one kill reaches all that is inside: of a cgroup, or of a PID namespace.
enum class Sweep {
    // While something in there is dying, nobody is looked for outside: a search through a thousand processes takes the
    // processors away from them (1,000 of them were gone after 100 ms with it, and after 60 without). For a first
    // attempt: cgroup.kill does not reach a process whose main thread has ended (seen in 6.18), the search does.
    inside_first,
    everywhere,
};

// One object for the life of a supervisor or guardian.
class Containment {
public:
    virtual ~Containment() = default;

    // Kills what an earlier run of this lock (another incarnation) left on this machine: in the lock's cgroup, and what
    // carries its LEASEHOLD_TERM_ID in the environment. Called again until nothing is found; no workload may be started
    // before. Only while the lease is held: another candidate's tree on this machine is another incarnation's too. The
    // tree of a standby that lives is left alone: it is not of a term.
    virtual Leftovers clear_leftovers() = 0;

    // Only looks: true when clear_leftovers() would find nothing. Also false when that is not known, as on a machine
    // with so many processes that looking at them would take longer than is good for others that want the lease too.
    virtual bool nothing_is_left() = 0;

    // Takes away what killed runs have left empty, as clear_leftovers() does. For later, when only nothing_is_left()
    // was asked. Does not wait, and may achieve nothing.
    virtual void tidy_up() {}

    // Like fork(2), but the new process is born contained. Supervisor only; REQUIRES: the last tree was proven empty.
    virtual Result<pid_t> fork_inside(Purpose purpose) = 0;

    // The same, into the tree that there is, even if nothing should be alive in it at the moment. REQUIRES: since
    // fork_inside() main_has_ended() was not called.
    virtual Result<pid_t> fork_beside() = 0;

    // In the new process, before it executes anything. Only async-signal-safe calls. Returns errno, or 0.
    virtual int enter() const = 0;

    // The workload's own process has been reaped; what it left behind may go on to live. A namespace's init ends by
    // itself once nothing else is left in it.
    virtual void main_has_ended() = 0;

    // Sends a signal to everything in the tree, once.
    virtual void signal_all(int signal) = 0;

    // Stops, then kills, what is found alive below `root` (this process, or the supervisor when the guardian calls) but
    // not below `except`. Called again and again until empty(), which has to be asked in between.
    virtual void kill_pass(pid_t root, Except except, Sweep sweep) = 0;

    // Proof that nothing of the tree is alive. `no_children`: the caller has just waited for every child but the roles
    // of leasehold until there was none (supervisor/reaper.h).
    virtual bool empty(bool no_children) const = 0;

    // Polls EPOLLIN when empty() may have changed without a child having ended, and until it is called; -1 when there
    // is no such thing. Owned by this object, the same and valid as long as it.
    virtual int changes_fd() const = 0;

    // The guardian's last act: removes what was made, if nothing is in it.
    virtual void remove() = 0;
};

// For a process that is not above the tree, when nobody is any more: kills what can be found of this very start, by the
// cgroup and by the mark in the environment. True when nothing is found alive. That is no proof.
bool clear_own_remains(const ContainmentPlan& plan, const std::string& incarnation);

// Never fails: what cannot be made is tried again in fork_inside().
std::unique_ptr<Containment> make_containment(const ContainmentPlan& plan, const std::string& incarnation);

}  // namespace leasehold::supervisor
