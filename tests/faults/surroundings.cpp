// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/surroundings.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

// Where a hierarchy is mounted, from /proc/self/mounts: "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0".
std::string mount_of(const std::string& controller) {
    std::istringstream mounts(harness::read_file("/proc/self/mounts"));
    for (std::string device, place, type, options, rest;
         mounts >> device >> place >> type >> options && std::getline(mounts, rest);) {
        if (controller.empty() && type == "cgroup2") return place;
        if (!controller.empty() && type == "cgroup" &&
            (',' + options + ',').find(',' + controller + ',') != std::string::npos)
            return place;
    }
    return {};
}

// Our own path in it, from /proc/self/cgroup: "6:freezer:/" or "0::/".
std::string own_path(const std::string& controller) {
    std::istringstream lines(harness::read_file("/proc/self/cgroup"));
    for (std::string line; std::getline(lines, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second != std::string::npos && line.substr(first + 1, second - first - 1) == controller) {
            return line.substr(second + 1);
        }
    }
    return "/";
}

[[noreturn]] void cannot(const std::string& what) { throw Skipped{what + ": " + std::strerror(errno)}; }

}  // namespace

bool namespaces_are_permitted() {
    static const bool permitted = [] {
        harness::Process attempt({.arguments = {"unshare", "--pid", "--fork", "--mount-proc", "true"},
                                  .output = "/dev/null",
                                  .environment = {}});
        return attempt.wait() == 0;
    }();
    return permitted;
}

std::string unsafe_program() { return UNSAFE_PROGRAM; }

std::string make_cgroup(const std::string& controller) {
    const std::string mount = mount_of(controller);
    if (mount.empty()) return {};
    std::string path = mount + own_path(controller) + "/leasehold-test-XXXXXX";
    return mkdtemp(path.data()) != nullptr ? path : std::string();
}

// From the innermost: whoever was contained may have made some below.
void remove_cgroup(const std::string& folder) {
    harness::eventually(
        [&] {
            std::error_code ignored;
            std::vector<std::string> folders{folder};
            for (auto i = std::filesystem::recursive_directory_iterator(folder, ignored);
                 !ignored && i != std::filesystem::recursive_directory_iterator(); i.increment(ignored)) {
                if (i->is_directory(ignored)) folders.push_back(i->path());
            }
            std::sort(folders.rbegin(), folders.rend());
            for (const std::string& each : folders) rmdir(each.c_str());
            return access(folder.c_str(), F_OK) != 0;
        },
        std::chrono::seconds(5));
}

bool write_to(const std::string& file, const std::string& text) {
    const int fd = open(file.c_str(), O_WRONLY | O_CLOEXEC);
    const bool written = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (fd >= 0) close(fd);
    return written;
}

void freeze(const std::string& cgroup) {
    if (cgroup.empty()) throw Skipped{"no such cgroup can be made here"};
    const bool v1 = write_to(cgroup + "/freezer.state", "FROZEN");
    if (!v1 && !write_to(cgroup + "/cgroup.freeze", "1")) cannot("freezing a cgroup");
    const bool frozen = harness::eventually([&] {
        return v1 ? harness::read_file(cgroup + "/freezer.state") == "FROZEN\n"
                  : harness::read_file(cgroup + "/cgroup.events").find("frozen 1") != std::string::npos;
    });
    if (!frozen) throw Failed{"the cgroup does not freeze"};
}

void thaw(const std::string& cgroup) {
    if (cgroup.empty()) return;
    if (!write_to(cgroup + "/freezer.state", "THAWED")) write_to(cgroup + "/cgroup.freeze", "0");
}

void unshare_mounts() {
    if (unshare(CLONE_NEWNS) != 0) cannot("a mount namespace");
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) cannot("private mounts");
}

void mount_small_disk(const std::string& folder, const std::string& size) {
    if (mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0) cannot("mounting a tmpfs");
}

void remount(const std::string& folder, bool read_only) {
    const unsigned long flags = MS_REMOUNT | (read_only ? static_cast<unsigned long>(MS_RDONLY) : 0UL);
    if (mount(nullptr, folder.c_str(), nullptr, flags, nullptr) != 0) cannot("mounting a folder anew");
}

void unmount(const std::string& folder) { umount2(folder.c_str(), MNT_DETACH); }

}  // namespace leasehold::faults
