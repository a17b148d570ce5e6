// SPDX-License-Identifier: Apache-2.0
#include "supervisor/process_status.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/result.h"

namespace leasehold::supervisor {
namespace {

// Fields of /proc/PID/stat behind the name, counted from the state (proc(5) calls that one number 3).
constexpr std::size_t kParent = 1;
constexpr std::size_t kFlags = 6;
constexpr std::size_t kThreads = 17;
constexpr std::size_t kStarted = 19;
constexpr std::size_t kPending = 28;  // the first 31 signals, of the first thread alone

constexpr unsigned long kExiting = 0x4;            // PF_EXITING of linux/sched.h
constexpr unsigned long kKernelThread = 0x200000;  // PF_KTHREAD

template <class Number>
bool parse(std::string_view text, Number& value) {
    return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

// proc(5): "State:" is D also for what is frozen; the pending signals are masks in hexadecimal digits.
bool thread_is_doomed(const std::string& path) {
    constexpr std::uint64_t kKill = std::uint64_t{1} << (SIGKILL - 1);
    std::ifstream file(path);
    bool in_kernel = false;
    bool killed = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("State:")) in_kernel = line.find_first_of("DZX", 6) == line.find_first_not_of(" \t", 6);
        if (!line.starts_with("SigPnd:") && !line.starts_with("ShdPnd:")) continue;
        if ((std::strtoull(line.c_str() + 7, nullptr, 16) & kKill) != 0) killed = true;
    }
    return in_kernel && killed;
}

}  // namespace

std::optional<ProcessStatus> status_of(pid_t pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/stat";
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::array<char, 1024> buffer{};
    const ssize_t size = read(file.get(), buffer.data(), buffer.size());
    if (size <= 0) return std::nullopt;
    // "pid (comm) state ppid ..."; comm may contain anything, parentheses and blanks included.
    std::string_view rest(buffer.data(), static_cast<std::size_t>(size));
    const std::size_t name_end = rest.rfind(')');
    if (name_end == std::string_view::npos || name_end + 2 >= rest.size()) return std::nullopt;
    rest.remove_prefix(name_end + 2);
    const char state = rest.front();
    ProcessStatus status;
    unsigned long flags = 0;
    unsigned long pending = 0;
    bool complete = false;
    for (std::size_t field = 0; !rest.empty(); ++field) {
        if (field == kParent && !parse(rest, status.parent)) return std::nullopt;
        if (field == kThreads && !parse(rest, status.threads)) return std::nullopt;
        if (field == kFlags && !parse(rest, flags)) return std::nullopt;
        if (field == kStarted && !parse(rest, status.started)) return std::nullopt;
        if (field == kPending) {
            complete = parse(rest, pending);
            break;
        }
        const std::size_t blank = rest.find(' ');
        rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
    }
    if (!complete) return std::nullopt;
    // Of several threads one that executes a program kills the others, and goes on under the number of the first.
    const bool killed = (pending & (1UL << (SIGKILL - 1))) != 0;
    status.dying = status.threads == 1 && (killed || (flags & kExiting) != 0);
    status.of_kernel = (flags & kKernelThread) != 0;
    status.alive = state != 'X' && (state != 'Z' || status.threads > 1);
    return status;
}

std::optional<std::vector<pid_t>> numbers_in(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
    if (!folder) return std::nullopt;
    std::vector<pid_t> numbers;
    while (const dirent* entry = readdir(folder.get())) {
        if (pid_t number = -1; parse(std::string_view(entry->d_name), number)) numbers.push_back(number);
    }
    return numbers;
}

bool is_doomed(pid_t pid) {
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
    const auto threads = numbers_in(tasks);
    return threads && std::all_of(threads->begin(), threads->end(), [&](pid_t thread) {
               return thread_is_doomed(tasks + std::to_string(thread) + "/status");
           });
}

UniqueFd open_process(pid_t pid) {
    UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process && errno != ESRCH) {
        log::error("pidfd_open of process {}: {}", pid, std::generic_category().message(errno));
    }
    return process;
}

bool has_ended(int pidfd) {
    pollfd state{pidfd, POLLIN, 0};
    return poll(&state, 1, 0) != 0;
}

bool send_signal(const UniqueFd& process, pid_t pid, int signal) {
    if (syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0) return true;
    if (errno == ESRCH) return false;
    // A kill is tried again and again, and whoever does that says what resists.
    const log::Level level = signal == SIGKILL || signal == SIGSTOP ? log::Level::debug : log::Level::error;
    if (log::enabled(level))
        log::write(level, fmt::format("signal {} cannot be sent to process {} of the workload: {}", signal, pid,
                                      std::generic_category().message(errno)));
    return false;
}

}  // namespace leasehold::supervisor
