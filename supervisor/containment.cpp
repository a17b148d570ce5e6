// SPDX-License-Identifier: Apache-2.0
#include "supervisor/containment.h"

#include <cstdint>

#include <fmt/core.h>

#include "supervisor/cgroup_group.h"
#include "supervisor/cgroup_path.h"
#include "supervisor/containments.h"
#include "supervisor/leftovers.h"

namespace leasehold::supervisor {

// FNV-1a, which is fit for telling locks apart and nothing else.
std::string lock_mark_of(const std::string& election, const std::string& lock_id) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : election + '\n' + lock_id) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
    return fmt::format("{:016x}", hash);
}

const char* name_of(ContainmentMethod method) {
    switch (method) {
        case ContainmentMethod::subreaper: return "subreaper";
        case ContainmentMethod::cgroup: return "cgroup";
        case ContainmentMethod::pid_namespace: return "namespace";
    }
    return "subreaper";
}

std::string describe(const ContainmentPlan& plan) {
    std::string text = name_of(plan.method);
    if (!plan.cgroup.empty()) text += ' ' + plan.cgroup;
    if (!plan.why_not_more.empty()) text += " (no cgroup: " + plan.why_not_more + ')';
    return text;
}

std::string term_id(const ContainmentPlan& plan, const std::string& incarnation, std::uint64_t term) {
    return plan.lock_mark + '-' + incarnation + '-' + std::to_string(term);
}

Result<ContainmentPlan> plan_containment(ContainmentChoice wanted, const std::string& election,
                                         const std::string& lock_id, const CgroupTrial& trial) {
    ContainmentPlan plan;
    plan.lock_mark = lock_mark_of(election, lock_id);
    if (wanted == ContainmentChoice::subreaper) return plan;
    if (wanted == ContainmentChoice::pid_namespace) {
        if (auto tried = try_pid_namespace(); !tried) return tl::unexpected<Error>(tried.error());
        plan.method = ContainmentMethod::pid_namespace;
        return plan;
    }
    const auto cgroup = trial();
    if (cgroup) {
        plan.method = ContainmentMethod::cgroup;
        plan.cgroup = *cgroup + '/' + lock_cgroup_name(election, plan.lock_mark);
    } else if (wanted == ContainmentChoice::automatic) {
        plan.why_not_more = cgroup.error().message;
    } else {
        return failure("workload.containment is cgroup, but no cgroup can be used: " + cgroup.error().message,
                       cgroup.error().code);
    }
    return plan;
}

bool clear_own_remains(const ContainmentPlan& plan, const std::string& incarnation) {
    bool groups_are_empty = true;
    if (plan.method == ContainmentMethod::cgroup) {
        for (const std::string& name : {incarnation, kStandbyGroup + incarnation}) {
            CgroupGroup group(plan.cgroup + '/' + name);
            group.kill_all();
            groups_are_empty = group.population() == CgroupGroup::Population::empty && groups_are_empty;
        }
    }
    return kill_remains(plan.lock_mark, incarnation).alive == 0 && groups_are_empty;
}

std::unique_ptr<Containment> make_containment(const ContainmentPlan& plan, const std::string& incarnation) {
    switch (plan.method) {
        case ContainmentMethod::subreaper: return make_subreaper(plan, incarnation);
        case ContainmentMethod::cgroup: return make_cgroup(plan, incarnation);
        case ContainmentMethod::pid_namespace: return make_pid_namespace(plan, incarnation);
    }
    return make_subreaper(plan, incarnation);
}

}  // namespace leasehold::supervisor
