// SPDX-License-Identifier: Apache-2.0
//
// What the kernel offers to a trial besides processes: cgroups, mounts. What is not permitted throws Skipped, or is
// said by an empty answer.
#pragma once

#include <string>

namespace leasehold::faults {

bool namespaces_are_permitted();  // of processes and mounts; asked once

std::string unsafe_program();  // the build in which no deadline is enforced

// A new cgroup below this process's own, in the hierarchy v2 ("") or v1's with this controller. Empty: not possible.
std::string make_cgroup(const std::string& controller);
void remove_cgroup(const std::string& folder);
bool write_to(const std::string& file, const std::string& text);

void freeze(const std::string& cgroup);  // and waits until it is; both kinds
void thaw(const std::string& cgroup);    // nothing when it is empty

// For the calling process and all that it starts.
void unshare_mounts();
void mount_small_disk(const std::string& folder, const std::string& size);  // a tmpfs
void remount(const std::string& folder, bool read_only);
void unmount(const std::string& folder);

}  // namespace leasehold::faults
