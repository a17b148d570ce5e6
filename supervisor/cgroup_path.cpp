// SPDX-License-Identifier: Apache-2.0
#include "supervisor/cgroup_path.h"

#include <cctype>
#include <optional>
#include <sstream>

#include <fmt/core.h>

namespace leasehold::supervisor {
namespace {

constexpr std::size_t kLongestElection = 64;

bool leads_outside(const std::string& path) { return path == "/.." || path.starts_with("/../"); }

// `path` as seen from `root`. Nothing when it is not below that.
std::optional<std::string> below(const std::string& root, const std::string& path) {
    if (root == "/") return path == "/" ? std::string() : path;
    if (path == root) return std::string();
    if (!path.starts_with(root + '/')) return std::nullopt;
    return path.substr(root.size());
}

std::optional<std::string> own_path(std::string_view proc_cgroup) {
    std::istringstream lines{std::string(proc_cgroup)};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("0::/")) return line.substr(3);
    }
    return std::nullopt;
}

}  // namespace

Result<std::vector<std::string>> own_cgroup_folders(const std::vector<Mount>& mounts, std::string_view proc_cgroup) {
    const auto own = own_path(proc_cgroup);
    if (!own) return failure("this system has no cgroup v2 (unified hierarchy)");
    if (leads_outside(*own)) {
        return failure(fmt::format("leasehold's own cgroup ({}) is outside of its cgroup namespace", *own));
    }
    if (own->ends_with(" (deleted)")) return failure(fmt::format("leasehold's own cgroup ({}) was removed", *own));
    std::vector<std::string> folders;
    bool any = false;
    for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
        if (mount->type != "cgroup2") continue;
        any = true;
        const auto rest = below(mount->root, *own);
        if (rest) folders.push_back((mount->point == "/" ? "" : mount->point) + *rest);
    }
    if (!any) return failure("cgroup v2 is not mounted; a container needs /sys/fs/cgroup");
    if (folders.empty()) {
        return failure(
            fmt::format("the mounted cgroup v2 does not show leasehold's own cgroup ({}); "
                        "mount /sys/fs/cgroup in leasehold's own cgroup namespace",
                        *own));
    }
    return folders;
}

std::string lock_cgroup_name(const std::string& election, const std::string& lock_mark) {
    std::string name = election.substr(0, kLongestElection);
    for (char& c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.') c = '_';
    }
    return "leasehold-" + name + '-' + lock_mark;
}

}  // namespace leasehold::supervisor
