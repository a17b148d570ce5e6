// SPDX-License-Identifier: Apache-2.0
//
// What the workload's process is before it executes anything: whose it is, its limits, its folder. Resolved to numbers,
// so that between fork and execution nothing is looked up and nothing is allocated.
//
// The order is the kernel's: what needs the rights of leasehold comes first, then groups, group and user, then the
// folder, which is entered with the rights of the workload. A change of credentials takes the parent-death signal away
// (prctl(2), PR_SET_PDEATHSIG); whoever wants it asks for it again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace leasehold::supervisor {

struct Credentials {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;  // supplementary

    friend bool operator==(const Credentials&, const Credentials&) = default;
};

struct ResourceLimit {
    int resource = 0;  // RLIMIT_...
    std::uint64_t soft = 0, hard = 0;

    friend bool operator==(const ResourceLimit&, const ResourceLimit&) = default;
};

// What is not given stays as leasehold was started with it.
struct ProcessAttributes {
    std::optional<Credentials> credentials;
    std::optional<mode_t> umask;
    std::vector<ResourceLimit> limits;
    std::string working_directory;  // empty: not given
    std::optional<int> nice;
    std::optional<int> oom_score_adj;

    friend bool operator==(const ProcessAttributes&, const ProcessAttributes&) = default;
};

enum class AttributeStep : std::uint32_t { none, oom_score_adj, nice, limits, groups, group, user, working_directory };

struct AttributeFailure {
    AttributeStep step = AttributeStep::none;
    int problem = 0;  // errno
};

// In the new process; async-signal-safe calls only. The step is `none` when everything is as it should be.
AttributeFailure set_attributes(const ProcessAttributes& attributes);

// "workload.nice: cannot be set to -5: Permission denied; ..." for people.
std::string explain(const ProcessAttributes& attributes, const AttributeFailure& failure);

// Whether a process of this one can get them, and could be killed by this one then: in a child that ends at once.
// Blocks until it has ended. Where nothing is given there is nothing to try.
Result<void> try_attributes(const ProcessAttributes& attributes);

}  // namespace leasehold::supervisor
