// SPDX-License-Identifier: Apache-2.0
//
// The three ways of containment.h, one factory each, and the attempts by which one finds out whether they work here.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "supervisor/containment.h"

namespace leasehold::supervisor {

// More processes are not looked at ahead of time (about 10 us each).
inline constexpr std::size_t kMostLookedAtAhead = 256;

std::unique_ptr<Containment> make_subreaper(const ContainmentPlan& plan, const std::string& incarnation);
std::unique_ptr<Containment> make_cgroup(const ContainmentPlan& plan, const std::string& incarnation);
std::unique_ptr<Containment> make_pid_namespace(const ContainmentPlan& plan, const std::string& incarnation);

// In a process of its own: a namespace with a workload that sees itself as a member of it in /proc.
Result<void> try_pid_namespace();

}  // namespace leasehold::supervisor
