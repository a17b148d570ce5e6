// SPDX-License-Identifier: Apache-2.0
//
// The three ways of containment.h, one factory each, and the attempts by which one finds out whether they work here.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "supervisor/containment.h"

namespace leasehold::supervisor {

std::unique_ptr<Containment> make_subreaper(const ContainmentPlan& plan, const std::string& incarnation);
std::unique_ptr<Containment> make_cgroup(const ContainmentPlan& plan, const std::string& incarnation);
std::unique_ptr<Containment> make_pid_namespace(const ContainmentPlan& plan, const std::string& incarnation);

// Makes a group in a lock's cgroup of this name below our own, a process born in it, kills that by cgroup.kill, waits
// until the group is unpopulated, and removes both. Returns the path of the lock's cgroup. Fails with what is wrong
// and what to do about it. Blocks for some milliseconds; at most 2 s.
Result<std::string> try_cgroup(const std::string& name);

// In a process of its own: a namespace with a workload that sees itself as a member of it in /proc.
Result<void> try_pid_namespace();

}  // namespace leasehold::supervisor
