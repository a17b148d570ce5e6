// SPDX-License-Identifier: Apache-2.0
#include "supervisor/leftovers.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <unordered_set>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/process_status.h"
#include "supervisor/process_tree.h"

namespace leasehold::supervisor {
namespace {

constexpr const char* kVariable = "LEASEHOLD_TERM_ID";
constexpr std::size_t kMostRead = 1 << 20;
constexpr std::size_t kPiece = 16 << 10;
constexpr std::size_t kLongestValue = 256;

// Looks for "NAME=" at the beginning of a variable, in pieces that may end anywhere.
class VariableFinder {
public:
    explicit VariableFinder(const std::string& name) : wanted_(name + '=') {}

    // True when there is no need to go on.
    bool feed(std::string_view piece) {
        while (!piece.empty()) {
            const std::size_t end = piece.find('\0');
            const std::string_view part = piece.substr(0, end);
            if (!skipping_) begin_.append(part.substr(0, wanted_.size() + kLongestValue - begin_.size()));
            skipping_ = skipping_ || !could_be_wanted();
            if (end == std::string_view::npos) return false;
            if (!skipping_ && begin_.size() >= wanted_.size()) return true;
            begin_.clear();
            skipping_ = false;
            piece.remove_prefix(end + 1);
        }
        return false;
    }

    std::string value() const {
        return !skipping_ && begin_.size() > wanted_.size() ? begin_.substr(wanted_.size()) : std::string();
    }

private:
    bool could_be_wanted() const {
        const std::size_t size = std::min(begin_.size(), wanted_.size());
        return begin_.compare(0, size, wanted_, 0, size) == 0;
    }

    std::string wanted_;
    std::string begin_;  // of the variable at hand
    bool skipping_ = false;
};

// Not to be looked at: ourselves, what is above us and below us, and what nobody has started.
std::unordered_set<pid_t> known_processes(const std::vector<pid_t>& nobodys) {
    std::unordered_set<pid_t> own(nobodys.begin(), nobodys.end());
    for (pid_t pid = getpid(); pid > 0 && own.insert(pid).second;) {
        const auto status = status_of(pid);
        pid = status ? status->parent : -1;
    }
    for (const pid_t pid : descendants(getpid())) own.insert(pid);
    return own;
}

}  // namespace

std::string variable_of(pid_t pid, const std::string& name) {
    const std::string path = "/proc/" + std::to_string(pid) + "/environ";
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return {};
    VariableFinder finder(name);
    static char buffer[kPiece];
    std::size_t total = 0;
    for (ssize_t size = 0; total < kMostRead && (size = read(file.get(), buffer, sizeof buffer)) > 0;) {
        total += static_cast<std::size_t>(size);
        if (finder.feed(std::string_view(buffer, static_cast<std::size_t>(size)))) break;
        if (static_cast<std::size_t>(size) < sizeof buffer) break;  // the kernel fills it as long as there is more
    }
    return finder.value();
}

namespace {

using Mark = std::function<bool(const std::string& value)>;

// What all of leasehold was started with by a workload is not a mark of its own.
bool is_inherited(const std::string& value) {
    const char* const inherited = std::getenv(kVariable);
    return inherited != nullptr && value == inherited;
}

// Another run's of the same lock.
Mark foreign_mark(const std::string& lock_mark, const std::string& incarnation) {
    return [lock = lock_mark + '-', ours = lock_mark + '-' + incarnation + '-'](const std::string& value) {
        return value.starts_with(lock) && !value.starts_with(ours) && !is_inherited(value);
    };
}

// Kills everything alive whose mark is wanted, but nothing of our own.
LeftoverCount kill_marked(const Mark& is_leftover) {
    const auto pids = numbers_in("/proc");
    if (!pids) {
        const int problem = errno;
        log::error("cannot look for leftovers of an earlier run: /proc: {}", std::generic_category().message(problem));
        return {problem == ENOENT ? 0U : 1U, 0};  // short of descriptors or memory: not known yet
    }
    const auto own = known_processes(kernel_threads());
    LeftoverCount found;
    for (const pid_t pid : *pids) {
        if (own.contains(pid) || !is_leftover(variable_of(pid, kVariable))) continue;
        const UniqueFd process = open_process(pid);
        const std::string value = process ? variable_of(pid, kVariable) : std::string();  // of the one that is held
        if (!is_leftover(value)) continue;
        if (is_doomed(pid)) {
            ++found.doomed;
            continue;
        }
        ++found.alive;
        if (send_signal(process, pid, SIGKILL)) {
            log::warn("killed process {}, which an earlier run of leasehold left behind ({})", pid, value);
        }
    }
    return found;
}

}  // namespace

LeftoverCount kill_leftovers(const std::string& lock_mark, const std::string& incarnation) {
    if (lock_mark.empty()) return {};
    return kill_marked(foreign_mark(lock_mark, incarnation));
}

bool nothing_is_left(const std::string& lock_mark, const std::string& incarnation, std::size_t most) {
    if (lock_mark.empty()) return true;
    const auto pids = numbers_in("/proc");
    if (!pids) return false;
    const auto nobodys = kernel_threads();
    if (pids->size() > most + nobodys.size()) return false;  // our own are few
    const Mark is_leftover = foreign_mark(lock_mark, incarnation);
    const auto own = known_processes(nobodys);
    return std::none_of(pids->begin(), pids->end(), [&](const pid_t pid) {
        return !own.contains(pid) && is_leftover(variable_of(pid, kVariable));
    });
}

LeftoverCount kill_remains(const std::string& lock_mark, const std::string& incarnation) {
    if (lock_mark.empty()) return {};
    const std::string ours = lock_mark + '-' + incarnation + '-';
    return kill_marked([&](const std::string& value) { return value.starts_with(ours) && !is_inherited(value); });
}

}  // namespace leasehold::supervisor
