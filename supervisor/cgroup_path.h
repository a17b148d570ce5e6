// SPDX-License-Identifier: Apache-2.0
//
// Where our own cgroup v2 is in the file system. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "supervisor/mounts.h"

namespace leasehold::supervisor {

// The folders that could be ours, the mount seen last first: every mount of type cgroup2 (the unified one of a v1/v2
// hybrid too) whose root leads to the path in the "0::" line of /proc/self/cgroup. Fails, with what to do about it,
// when there is none: no cgroup v2, or one outside of our cgroup namespace (cgroup_namespaces(7): such paths begin with
// /..).
Result<std::vector<std::string>> own_cgroup_folders(const std::vector<Mount>& mounts, std::string_view proc_cgroup);

// The name of a lock's cgroup: every character that might mean something in a path becomes '_'.
std::string lock_cgroup_name(const std::string& election, const std::string& lock_mark);

}  // namespace leasehold::supervisor
