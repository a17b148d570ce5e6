// SPDX-License-Identifier: Apache-2.0
//
// A cgroup per lock below our own, and in it one group per start, named by the incarnation. One name per start is as
// good as one per term, because the tree of every term is proven empty before the next one begins.
//
// What a standby executes has a group of its own beside it: other candidates on this machine, once they lead, kill what
// they find in groups of the first kind, but not what a living standby has started. That it lives is seen by its lock
// on the group's folder (flock(2)).
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <random>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/cgroup_group.h"
#include "supervisor/cgroup_path.h"
#include "supervisor/containments.h"
#include "supervisor/leftovers.h"
#include "supervisor/process_tree.h"

namespace leasehold::supervisor {
namespace {

using Population = CgroupGroup::Population;

constexpr const char* kTrial = "leasehold-trial";  // beside the locks' ones

class Cgroup : public Containment {
public:
    Cgroup(const ContainmentPlan& plan, const std::string& incarnation)
        : lock_(plan.cgroup),
          lock_mark_(plan.lock_mark),
          incarnation_(incarnation),
          group_(plan.cgroup + '/' + incarnation),
          standby_(plan.cgroup + '/' + kStandbyGroup + incarnation),
          changes_(epoll_create1(EPOLL_CLOEXEC)) {
        if (!changes_) log::warn("epoll_create1: {}", std::generic_category().message(errno));
        if (auto made = make(group_); !made)
            log::warn("{}; tried again before the workload starts", made.error().message);
    }

    Leftovers clear_leftovers() override {
        const Leftovers in_groups = clear_other_groups();
        return std::max(in_groups, as_leftovers(kill_leftovers(lock_mark_, incarnation_)));
    }

    bool nothing_is_left() override {
        return no_other_group_is_populated() &&
               supervisor::nothing_is_left(lock_mark_, incarnation_, kMostLookedAtAhead);
    }

    // Those of standbys are theirs to remove, or another's who finds them abandoned.
    void tidy_up() override {
        for (const std::string& name : groups_in(lock_).value_or(std::vector<std::string>())) {
            if (is_our_own(name) || name.starts_with(kStandbyGroup)) continue;
            rmdir((lock_ + '/' + name).c_str());  // fails while something is in it
        }
    }

    Result<pid_t> fork_inside(Purpose purpose) override {
        CgroupGroup& group = purpose == Purpose::term ? group_ : standby_;
        current_ = &group;
        populated_ = true;
        // A fresh group for every tree: kernels that count the kills of a cgroup compare a newborn's group with its
        // parent's group, so that whatever is born into one that was killed before is killed too (seen in 6.18).
        if (const int problem = group.remove(); problem != 0) {
            return system_failure("rmdir " + group.path() + ", which should be empty", problem);
        }
        return make(group).and_then([this] { return fork_into_current(); });
    }

    Result<pid_t> fork_beside() override { return fork_into_current(); }

    int enter() const override { return 0; }  // it is born inside
    void main_has_ended() override {}
    void signal_all(int signal) override { signal_descendants(getpid(), signal); }

    void kill_pass(pid_t root, Except except, Sweep sweep) override {
        group_.kill_all();
        standby_.kill_all();
        if (sweep == Sweep::inside_first && populated_) return;
        kill_descendants(root, except);
    }

    // What has left the group is a child of ours, what we overlook populates the group.
    bool empty(bool no_children) const override {
        bool all_empty = true;
        for (CgroupGroup* group : {&group_, &standby_}) {
            const Population population = group->population();  // first of all: it re-arms changes_fd()
            if (no_children && population == Population::unknown) {
                log::error("{}/cgroup.events cannot be read: {}", group->path(),
                           std::generic_category().message(errno));
            }
            watch_events(*group);
            all_empty = all_empty && population == Population::empty;
        }
        populated_ = !all_empty;
        return no_children && all_empty;
    }

    int changes_fd() const override { return changes_.get(); }

    void remove() override {
        for (CgroupGroup* group : {&group_, &standby_}) {
            if (const int problem = group->remove(); problem != 0) {
                log::warn("the cgroup {} cannot be removed: {}", group->path(),
                          std::generic_category().message(problem));
            }
        }
        // And the lock's, with what killed candidates left empty in it. Groups with somebody in them stay; a standby
        // makes its own anew when it needs it.
        remove_cgroups(lock_);
    }

private:
    // Another candidate on this machine that ends takes empty groups away, this one too.
    Result<pid_t> fork_into_current() {
        CgroupGroup& group = *current_;
        const auto fork_into = [&]() -> Result<pid_t> {
            if (&group == &standby_ && !group.hold()) return system_failure("flock " + group.path(), ENOENT);
            return group.fork_into();
        };
        Result<pid_t> forked = fork_into();
        for (int attempt = 1; attempt < CgroupGroup::kAttempts; ++attempt) {
            if (forked || (forked.error().code != ENOENT && forked.error().code != ENODEV)) break;
            forked = make(group).and_then(fork_into);
        }
        return forked;
    }

    Result<void> make(CgroupGroup& group) {
        auto made = group.make();
        watch_events(group);
        return made;
    }

    // The group's events file may be opened anew, but changes_fd() stays the same. Closing the old one has removed it
    // from the set.
    void watch_events(const CgroupGroup& group) const {
        if (group.events_fd() < 0 || !changes_) return;
        epoll_event wanted{};
        wanted.events = EPOLLPRI;
        if (epoll_ctl(changes_.get(), EPOLL_CTL_ADD, group.events_fd(), &wanted) != 0 && errno != EEXIST) {
            log::warn("epoll_ctl for {}: {}", group.path(), std::generic_category().message(errno));
        }
    }

    Leftovers clear_other_groups() {
        const auto groups = groups_in(lock_);
        if (!groups && errno == ENOENT) return Leftovers::none;
        if (!groups) {
            log::error("cannot look for leftovers in {}: {}", lock_, std::generic_category().message(errno));
            return Leftovers::alive;
        }
        Leftovers found = Leftovers::none;
        for (const std::string& name : *groups) {
            if (is_our_own(name)) continue;
            found = std::max(found, clear(lock_ + '/' + name));
        }
        return found;
    }

    bool is_our_own(const std::string& name) const {
        return name == incarnation_ || name == kStandbyGroup + incarnation_;
    }

    bool no_other_group_is_populated() const {
        const auto groups = groups_in(lock_);
        if (!groups) return errno == ENOENT;
        return std::all_of(groups->begin(), groups->end(), [this](const std::string& name) {
            return is_our_own(name) || CgroupGroup(lock_ + '/' + name).population() == Population::empty;
        });
    }

    static Leftovers clear(const std::string& path) {
        CgroupGroup group(path);
        const bool of_standby = path.find(kStandbyGroup, path.rfind('/')) != std::string::npos;
        if (of_standby && !group.take_if_abandoned()) return Leftovers::none;  // it lives, and ends it by itself
        if (group.population() == Population::populated && !group.is_doomed()) {
            log::warn("killing what an earlier run of leasehold left in {}", path);
            group.kill_all();
        }
        const Population population = group.population();
        if (population == Population::populated && group.is_doomed()) return Leftovers::doomed;
        if (population != Population::empty) return Leftovers::alive;
        group.remove();  // one that stays for some reason is empty all the same
        return Leftovers::none;
    }

    std::string lock_;
    std::string lock_mark_;
    std::string incarnation_;
    mutable CgroupGroup group_;
    mutable CgroupGroup standby_;
    CgroupGroup* current_ = &group_;
    UniqueFd changes_;
    mutable bool populated_ = true;  // as empty() has found the groups since the last tree began
};

// ---- whether it works here ------------------------------------------------------------------------------------------

constexpr Duration kProbeLimit = std::chrono::seconds(2);
constexpr const char* kBornDead =
    "what is born in a new cgroup is killed at once: somebody has used cgroup.kill on leasehold's own one before; "
    "start "
    "leasehold in a fresh cgroup";

Error explained(const Error& problem, const std::string& folder) {
    std::string advice;
    switch (problem.code) {
        case EACCES:
        case EPERM:
            advice =
                "leasehold may not make cgroups there: run it as a systemd service with Delegate=yes, or as root, or "
                "give its user the folder and its cgroup.procs";
            break;
        case EROFS: advice = "/sys/fs/cgroup is mounted read-only: the container needs it writable"; break;
        case ENOSYS:
            advice = "clone3(2) is not available: a kernel before 5.7, or a seccomp filter of the container";
            break;
        case EINVAL:
        case E2BIG: advice = "processes cannot be born in a cgroup before Linux 5.7"; break;
        case EOPNOTSUPP:
            advice = "the cgroup is threaded (cgroup.type): start leasehold in a cgroup of type domain";
            break;
        case EAGAIN:
            advice = "a limit on the number of cgroups (cgroup.max.descendants, cgroup.max.depth) is reached";
            break;
        default: break;
    }
    return {fmt::format("{} ({}){}{}", problem.message, folder, advice.empty() ? "" : ": ", advice), problem.code};
}

// Kills the child by its group, and reaps it. Whether that worked and the group said so, in time.
Result<void> kill_probe(CgroupGroup& group, pid_t child) {
    const Instant began = now();
    const auto late = [&] { return elapsed_at_least(began, now()) > kProbeLimit; };
    bool reaped = false;
    group.kill_all();
    for (useconds_t pause = 20; !late(); pause = std::min<useconds_t>(pause * 2, 500)) {
        if (!reaped) reaped = waitpid(child, nullptr, WNOHANG) == child;
        if (reaped && group.population() == Population::empty) return {};
        usleep(pause);
    }
    if (!reaped) {
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
    }
    return failure(reaped ? "the cgroup's cgroup.events did not say that it is empty" : "cgroup.kill did not kill");
}

Result<void> probe(const std::string& parent) {
    // Processes of several PID namespaces, with the same number, may be in one cgroup.
    CgroupGroup group(fmt::format("{}/{}-{:x}", parent, getpid(), std::random_device()()));
    if (auto made = group.make(); !made) {
        const bool old = made.error().code == ENOENT && access((group.path() + "/cgroup.procs").c_str(), F_OK) == 0;
        group.remove();
        if (!old) return made;
        return failure("cgroup.kill is missing: the cgroup is threaded (cgroup.type), or the kernel is before 5.14");
    }
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return system_failure("pipe2");
    const UniqueFd told(ends[0]);
    UniqueFd telling(ends[1]);
    const pid_t self = getpid();
    const auto child = group.fork_into();
    if (child && *child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self) _exit(1);
        if (write(telling.get(), "l", 1) != 1) _exit(1);
        for (;;) pause();
    }
    telling.reset();
    Result<void> result = child ? Result<void>() : tl::unexpected<Error>(child.error());
    if (child) {
        char letter = 0;
        const bool lived = read(told.get(), &letter, 1) == 1;  // or the end of the pipe
        result = kill_probe(group, *child);
        if (result && !lived) result = failure(kBornDead);
    }
    group.remove();
    return result;
}

// Groups in a folder that another candidate has made for its own trial say nothing of what may be made beside it.
Result<void> may_make_groups(const std::string& folder) {
    if (faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
    return system_failure("making a folder in " + folder);
}

// Whoever was killed while it tried has left an empty group of its number.
void remove_abandoned_trials(const std::string& parent) {
    for (const std::string& name : groups_in(parent).value_or(std::vector<std::string>())) {
        const pid_t process = std::atoi(name.c_str());
        if (process > 0 && kill(process, 0) != 0 && errno == ESRCH) remove_cgroups(parent + '/' + name);
    }
    rmdir(parent.c_str());  // fails while others try
}

}  // namespace

std::unique_ptr<Containment> make_cgroup(const ContainmentPlan& plan, const std::string& incarnation) {
    return std::make_unique<Cgroup>(plan, incarnation);
}

Result<std::string> try_cgroups() {
    const auto folders = own_cgroup_folders(own_mounts(), read_text("/proc/self/cgroup"));
    if (!folders) return tl::unexpected<Error>(folders.error());
    Error problem;
    for (const std::string& folder : *folders) {
        const std::string parent = folder + '/' + kTrial;
        Result<void> done;
        // Another candidate may take the group away meanwhile.
        for (int attempt = 0; attempt < 3; ++attempt) {
            done = may_make_groups(folder).and_then([&parent] { return probe(parent); });
            if (done || (done.error().code != ENOENT && done.error().code != ENODEV)) break;
        }
        if (rmdir(parent.c_str()) != 0) remove_abandoned_trials(parent);
        if (done) return folder;
        problem = explained(done.error(), folder);
    }
    return tl::unexpected<Error>(problem);
}

}  // namespace leasehold::supervisor
