// SPDX-License-Identifier: Apache-2.0
#include "supervisor/containment.h"

#include <cstdint>

#include <fmt/core.h>

namespace leasehold::supervisor {
namespace {

// FNV-1a, which is fit for telling locks apart and nothing else.
std::string mark_of(const std::string& election, const std::string& lock_id) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : election + '\n' + lock_id) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
    return fmt::format("{:016x}", hash);
}

}  // namespace

const char* name_of(ContainmentMethod method) {
    switch (method) {
        case ContainmentMethod::subreaper: return "subreaper";
        case ContainmentMethod::cgroup: return "cgroup";
        case ContainmentMethod::pid_namespace: return "namespace";
    }
    return "subreaper";
}

std::string term_id(const ContainmentPlan& plan, const std::string& incarnation, std::uint64_t term) {
    return plan.lock_mark + '-' + incarnation + '-' + std::to_string(term);
}

Result<ContainmentPlan> plan_containment(ContainmentChoice, const std::string& election, const std::string& lock_id) {
    ContainmentPlan plan;
    plan.lock_mark = mark_of(election, lock_id);
    return plan;
}

}  // namespace leasehold::supervisor
