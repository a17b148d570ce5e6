// SPDX-License-Identifier: Apache-2.0
#include "supervisor/process_tree.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"

namespace leasehold::supervisor {
namespace {

constexpr int kMaxDepth = 4096;  // of a chain of parents; a loop can only come from reading while it changes

struct Status {
    char state = '?';
    pid_t parent = -1;
};

template <class Number>
bool parse(std::string_view text, Number& value) {
    return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

// proc(5): "pid (comm) state ppid ..."; comm may contain anything, parentheses and blanks included.
std::optional<Status> status_of(pid_t pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/stat";
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::array<char, 256> buffer{};  // state and parent come early, and comm has at most 64 bytes
    const ssize_t size = read(file.get(), buffer.data(), buffer.size());
    if (size <= 0) return std::nullopt;
    const std::string_view line(buffer.data(), static_cast<std::size_t>(size));
    const std::size_t name_end = line.rfind(')');
    Status status;
    if (name_end == std::string_view::npos || name_end + 4 >= line.size()) return std::nullopt;
    status.state = line[name_end + 2];
    if (!parse(line.substr(name_end + 4), status.parent)) return std::nullopt;
    return status;
}

using Parents = std::unordered_map<pid_t, pid_t>;

Parents all_living() {
    Parents parents;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
    if (!folder) {
        log::error("cannot look for the workload's processes, /proc cannot be read: {}",
                   std::generic_category().message(errno));
        return parents;
    }
    while (const dirent* entry = readdir(folder.get())) {
        pid_t pid = -1;
        if (!parse(std::string_view(entry->d_name), pid)) continue;
        const auto status = status_of(pid);
        if (status && status->state != 'Z' && status->state != 'X') parents[pid] = status->parent;
    }
    return parents;
}

// Whether the chain of parents, as `parent_of` tells it, leads from `pid` up to `root` without meeting `except`.
template <class ParentOf>
bool leads_up_to(pid_t root, pid_t except, pid_t pid, const ParentOf& parent_of) {
    if (pid == except || pid == root) return false;
    for (int depth = 0; depth < kMaxDepth && pid > 0; ++depth) {
        pid = parent_of(pid);
        if (pid == except) return false;
        if (pid == root) return true;
    }
    return false;
}

}  // namespace

std::vector<pid_t> descendants(pid_t root, pid_t except) {
    const Parents parents = all_living();
    const auto parent_of = [&](pid_t pid) {
        const auto found = parents.find(pid);
        return found == parents.end() ? -1 : found->second;
    };
    std::vector<pid_t> found;
    for (const auto& [pid, parent] : parents) {
        if (leads_up_to(root, except, pid, parent_of)) found.push_back(pid);
    }
    return found;
}

std::size_t signal_descendants(pid_t root, int signal, pid_t except) {
    std::size_t signalled = 0;
    const auto parent_now = [](pid_t pid) {
        const auto status = status_of(pid);
        return status ? status->parent : -1;
    };
    for (const pid_t pid : descendants(root, except)) {
        const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
        if (!process) {
            if (errno != ESRCH) {
                log::error("pidfd_open of process {}: {}", pid, std::generic_category().message(errno));
            }
            continue;
        }
        if (!leads_up_to(root, except, pid, parent_now)) continue;
        if (syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0) {
            ++signalled;
        } else if (errno != ESRCH) {
            log::error("signal {} cannot be sent to process {} of the workload: {}", signal, pid,
                       std::generic_category().message(errno));
        }
    }
    return signalled;
}

}  // namespace leasehold::supervisor
