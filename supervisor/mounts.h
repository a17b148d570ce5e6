// SPDX-License-Identifier: Apache-2.0
//
// The mounts of this process, from /proc/self/mountinfo (proc_pid_mountinfo(5)). Pure but for own_mounts().
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leasehold::supervisor {

struct Mount {
    std::string root;   // what of the file system is mounted
    std::string point;  // where
    std::string options;
    std::string type;
    std::string super_options;
};

// In the order of mounting: of two at the same place, the last one is seen. Lines that make no sense are left out.
std::vector<Mount> parse_mounts(std::string_view mountinfo);
std::vector<Mount> own_mounts();

// The content of a small file; empty when it cannot be read.
std::string read_text(const std::string& path);

}  // namespace leasehold::supervisor
