// SPDX-License-Identifier: Apache-2.0
#include "supervisor/process_tree.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <fcntl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "supervisor/process_status.h"
#include "supervisor/reaper.h"

namespace leasehold::supervisor {
namespace {

constexpr int kMaxDepth = 4096;  // of a chain of parents; a loop can only come from reading while it changes
constexpr int kMostLooks = 16;
constexpr std::size_t kFewest = 256;  // so many are looked at however late it is
constexpr Duration kLookAgainFor = std::chrono::milliseconds(5);
constexpr Duration kLookFor = std::chrono::milliseconds(50);

void append_list(const std::string& path, std::vector<pid_t>& pids) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return;  // the thread has ended
    std::string text;
    char buffer[4096];
    for (ssize_t size = 0; (size = read(file.get(), buffer, sizeof buffer)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(size));
    }
    const char* at = text.data();
    const char* const end = at + text.size();
    for (pid_t pid = 0; at < end; ++at) {  // every number is followed by a blank
        const auto [next, problem] = std::from_chars(at, end, pid);
        if (problem != std::errc()) return;
        pids.push_back(pid);
        at = next;
    }
}

// Of all its threads: a child hangs on the one that forked it.
std::vector<pid_t> children_of(pid_t pid, bool one_thread) {
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    std::vector<pid_t> children;
    if (one_thread) {
        append_list(tasks + '/' + std::to_string(pid) + "/children", children);
        return children;
    }
    for (const pid_t thread : numbers_in(tasks).value_or(std::vector<pid_t>{})) {
        append_list(tasks + '/' + std::to_string(thread) + "/children", children);
    }
    return children;
}

struct Member {
    pid_t pid;
    unsigned long long started;
};

// The tree as far as it is known. Whoever was in it once stays in it for as long as it lives, because orphans go to a
// subreaper of the tree or to its root.
class Tree {
public:
    Tree(pid_t root, Except except, Search search)
        : root_(root), except_(except), by_lists_(search == Search::best && children_can_be_listed()) {}

    // One look. Calls `on_new` for everything found alive that was not known, and before it looks for the children of
    // that. False from `on_new`: no further.
    void look(const std::function<bool(const UniqueFd& process, pid_t pid)>& on_new) {
        if (!by_lists_) return look_everywhere(on_new);
        struct Parent {
            pid_t pid;
            bool one_thread;
        };
        std::vector<Parent> parents{{root_, false}};
        for (std::size_t next = 0; next < parents.size(); ++next) {
            known_to_belong_ = {};
            for (const pid_t child : children_of(parents[next].pid, parents[next].one_thread)) {
                if (is_excepted(child)) continue;
                bool one_thread = false;
                const Found found = add(child, on_new, one_thread);
                if (found == Found::enough) return;
                if (found != Found::no) parents.push_back({child, one_thread});
            }
        }
    }

    // Calls for each that is still who it was, the youngest branches first.
    void each_from_below(const std::function<void(const UniqueFd& process, pid_t pid)>& call) const {
        for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
            const UniqueFd process = open_process(member->pid);
            if (!process) continue;
            const auto status = status_of(member->pid);
            if (status && status->alive && status->started == member->started) call(process, member->pid);
        }
    }

    // What has been killed already is not counted among the members. What is below it is.
    void leave_the_dying() { leave_the_dying_ = true; }

    std::size_t size() const { return members_.size(); }
    std::vector<pid_t> pids() const {
        std::vector<pid_t> pids;
        for (const Member& member : members_) pids.push_back(member.pid);
        return pids;
    }

private:
    enum class Found { no, known, fresh, enough };

    Found add(pid_t pid, const std::function<bool(const UniqueFd&, pid_t)>& on_new, bool& one_thread) {
        const auto known = started_.find(pid);
        const UniqueFd process = known == started_.end() ? open_process(pid) : UniqueFd();
        if (known == started_.end() && !process) return Found::no;
        const auto status = status_of(pid);
        if (!status || !status->alive) return Found::no;
        one_thread = status->threads == 1;
        if (known != started_.end() && known->second == status->started) return Found::known;
        if (known != started_.end()) return Found::no;  // the number has changed hands; the next look takes it anew
        if (!is_child_of_the_tree(status->parent)) return Found::no;
        if (leave_the_dying_ && status->dying) return Found::known;
        started_[pid] = status->started;
        members_.push_back({pid, status->started});
        return on_new(process, pid) ? Found::fresh : Found::enough;
    }

    bool is_excepted(pid_t pid) const { return std::find(except_.begin(), except_.end(), pid) != except_.end(); }

    // Siblings come one after the other, and a number that a parent has left is not given away again so soon; still it
    // is looked at anew now and then.
    bool is_child_of_the_tree(pid_t parent) {
        constexpr int kAskAgainAfter = 64;
        if (parent == known_to_belong_.pid && ++known_to_belong_.siblings < kAskAgainAfter) return true;
        known_to_belong_ = {};
        if (!belongs(parent)) return false;
        known_to_belong_.pid = parent;
        return true;
    }

    // Whether the chain of parents leads to the root, or to somebody known, without meeting `except`.
    bool belongs(pid_t pid) const {
        for (int depth = 0; depth < kMaxDepth && pid > 0 && !is_excepted(pid); ++depth) {
            if (pid == root_) return true;
            const auto status = status_of(pid);
            if (!status) return false;
            const auto known = started_.find(pid);
            if (known != started_.end() && known->second == status->started) return true;
            pid = status->parent;
        }
        return false;
    }

    void look_everywhere(const std::function<bool(const UniqueFd&, pid_t)>& on_new) {
        known_to_belong_ = {};
        const auto pids = numbers_in("/proc");
        if (!pids) {
            log::error("cannot look for the workload's processes, /proc cannot be read: {}",
                       std::generic_category().message(errno));
            return;
        }
        for (const pid_t pid : *pids) {
            if (pid == root_ || is_excepted(pid)) continue;
            bool one_thread = false;
            if (add(pid, on_new, one_thread) == Found::enough) return;
        }
    }

    pid_t root_;
    Except except_;
    bool by_lists_;
    bool leave_the_dying_ = false;
    struct {
        pid_t pid = -1;
        int siblings = 0;
    } known_to_belong_;
    std::vector<Member> members_;
    std::unordered_map<pid_t, unsigned long long> started_;
};

}  // namespace

std::vector<pid_t> descendants(pid_t root, Except except, Search search) {
    Tree tree(root, except, search);
    tree.look([](const UniqueFd&, pid_t) { return true; });
    return tree.pids();
}

std::string describe_descendants(pid_t root, Except except) {
    constexpr std::size_t kMost = 5;
    std::string text;
    std::size_t count = 0;
    for (const pid_t pid : descendants(root, except)) {
        if (++count > kMost) return text + ", and others";
        std::ifstream status("/proc/" + std::to_string(pid) + "/status");
        std::string name, state;
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("Name:\t")) name = line.substr(6);
            if (line.starts_with("State:\t")) state = line.substr(7, 1);
        }
        text +=
            (text.empty() ? "process " : ", process ") + std::to_string(pid) + " (" + name + ", state " + state + ")";
    }
    return text.empty() ? "nothing that can be found" : text;
}

std::vector<pid_t> kernel_threads() {
    constexpr pid_t kKthreadd = 2;
    const auto status = status_of(kKthreadd);
    if (!status || !status->of_kernel) return {};
    std::vector<pid_t> threads{kKthreadd};
    append_list("/proc/2/task/2/children", threads);
    return threads;
}

std::size_t signal_descendants(pid_t root, int signal, Except except) {
    Tree tree(root, except, Search::best);
    const Instant began = now();
    std::size_t signalled = 0;
    for (int looks = 0; looks < kMostLooks && (looks == 0 || elapsed_at_most(began, now()) < kLookFor); ++looks) {
        const std::size_t before = tree.size();
        tree.look([&](const UniqueFd& process, pid_t pid) {
            if (send_signal(process, pid, signal)) ++signalled;
            return true;
        });
        if (tree.size() == before) break;
    }
    return signalled;
}

std::size_t kill_descendants(pid_t root, Except except, Search search) {
    Tree tree(root, except, search);
    tree.leave_the_dying();
    const Instant began = now();
    const auto passed = [&] { return elapsed_at_most(began, now()); };
    for (int looks = 0; looks < kMostLooks && (looks == 0 || passed() < kLookAgainFor); ++looks) {
        const std::size_t before = tree.size();
        tree.look([&](const UniqueFd& process, pid_t pid) {
            send_signal(process, pid, SIGSTOP);
            return tree.size() < kFewest || passed() < kLookFor;
        });
        if (tree.size() == before) break;
    }
    std::size_t killed = 0;
    tree.each_from_below([&](const UniqueFd& process, pid_t pid) {
        if (send_signal(process, pid, SIGKILL)) ++killed;
    });
    return killed;
}

}  // namespace leasehold::supervisor
