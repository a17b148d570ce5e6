// SPDX-License-Identifier: Apache-2.0
#include "supervisor/cgroup_group.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/process_status.h"

namespace leasehold::supervisor {
namespace {

constexpr mode_t kMode = 0755;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

UniqueFd open_file(const UniqueFd& folder, const char* name, int flags) {
    return UniqueFd(openat(folder.get(), name, flags | O_CLOEXEC));
}

bool all_doomed(const std::string& path) {
    std::ifstream members(path + "/cgroup.procs");
    if (!members) return errno == ENOENT;
    for (pid_t member = 0; members >> member;) {
        if (!is_doomed(member)) return false;
    }
    const auto groups = groups_in(path);
    if (!groups) return errno == ENOENT;
    return std::all_of(groups->begin(), groups->end(), [&](const auto& name) { return all_doomed(path + '/' + name); });
}

bool write_one(const UniqueFd& file) { return file && pwrite(file.get(), "1", 1, 0) == 1; }

}  // namespace

Result<void> CgroupGroup::make() {
    int problem = 0;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        if (mkdir(parent_of(path_).c_str(), kMode) != 0 && errno != EEXIST) {
            return system_failure("mkdir " + parent_of(path_));
        }
        if (mkdir(path_.c_str(), kMode) == 0 || errno == EEXIST) {
            open_files();
            if (folder_ && kill_ && events_) return {};
            problem = errno;
        } else {
            problem = errno;
        }
        if (problem != ENOENT && problem != ENODEV) break;
    }
    return system_failure("mkdir " + path_, problem);
}

// All of the same group: never one of the old and one of the new.
void CgroupGroup::open_files() {
    kill_.reset();
    events_.reset();
    folder_.reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder_) return;
    kill_ = open_file(folder_, "cgroup.kill", O_WRONLY);
    if (kill_) events_ = open_file(folder_, "cgroup.events", O_RDONLY);
}

Result<pid_t> CgroupGroup::fork_into() const {
    if (!folder_) return system_failure("clone3 into " + path_, ENOENT);
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<std::uint64_t>(folder_.get());
    const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) return system_failure("clone3 into " + path_);
    return static_cast<pid_t>(pid);
}

bool CgroupGroup::kill_all() {
    if (write_one(kill_)) return true;
    open_files();
    if (write_one(kill_) || errno == ENOENT || errno == ENODEV) return true;
    log::error("{}/cgroup.kill: {}", path_, std::generic_category().message(errno));
    return false;
}

CgroupGroup::Population CgroupGroup::population() {
    char buffer[256];
    ssize_t size = events_ ? pread(events_.get(), buffer, sizeof buffer, 0) : -1;
    if (size <= 0) {
        open_files();
        size = events_ ? pread(events_.get(), buffer, sizeof buffer, 0) : -1;
    }
    if (size <= 0) return errno == ENOENT || errno == ENODEV ? Population::empty : Population::unknown;
    const std::string_view text(buffer, static_cast<std::size_t>(size));
    if (text.find("populated 0") != std::string_view::npos) return Population::empty;
    return Population::populated;
}

bool CgroupGroup::hold() const { return folder_ && flock(folder_.get(), LOCK_SH | LOCK_NB) == 0; }

bool CgroupGroup::take_if_abandoned() {
    taken_.reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return taken_ && flock(taken_.get(), LOCK_EX | LOCK_NB) == 0;
}

bool CgroupGroup::is_doomed() const { return all_doomed(path_); }

int CgroupGroup::remove() {
    folder_.reset();
    kill_.reset();
    events_.reset();
    return remove_cgroups(path_);
}

std::optional<std::vector<std::string>> groups_in(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
    if (!folder) return std::nullopt;
    std::vector<std::string> names;
    while (const dirent* entry = readdir(folder.get())) {
        const std::string name = entry->d_name;
        if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(name);
    }
    return names;
}

int remove_cgroups(const std::string& path) {
    if (rmdir(path.c_str()) == 0 || errno == ENOENT) return 0;
    const int problem = errno;
    const auto groups = groups_in(path);
    if (!groups) return problem;
    for (const std::string& name : *groups) remove_cgroups(path + '/' + name);
    return rmdir(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace leasehold::supervisor
