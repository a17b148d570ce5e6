// SPDX-License-Identifier: Apache-2.0
//
// One cgroup v2 with what is needed of it: made, a process born in it, killed as a whole, seen unpopulated, removed
// (cgroups(7); Documentation/admin-guide/cgroup-v2.rst in the kernel).
//
// Its files are kept open, so that killing and looking work when there are no descriptors left: in the process that
// made the group. Whoever removes it and makes it anew makes them stale for others; that is noticed (ENODEV) and they
// are opened again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace leasehold::supervisor {

class CgroupGroup {
public:
    // So often it is tried to use a group that somebody else, who thinks it is empty, removes at the same moment.
    static constexpr int kAttempts = 20;

    explicit CgroupGroup(std::string path) : path_(std::move(path)) {}

    const std::string& path() const { return path_; }

    // Makes it, and its parent, and tries again when somebody else removes the empty parent at the same moment.
    Result<void> make();

    // Like fork(2), by clone3(2) with CLONE_INTO_CGROUP: nothing the new process does happens outside of the group. In
    // the new process only async-signal-safe calls are allowed. Fails with ENOENT when the group was not made.
    Result<pid_t> fork_into() const;

    // Kills everything in it and below it, frozen or not. No group, nothing to kill. False, with a line in the log,
    // when it cannot be done.
    bool kill_all();

    enum class Population { empty, populated, unknown };
    Population population();

    // Of the tree of a standby: as long as this object lives and has not removed it, others can see that the process
    // that made it lives. False while somebody else is looking, and without a group.
    bool hold() const;

    // The other side: true when nobody holds it, nor will while this object lives.
    bool take_if_abandoned();

    // Whether everything in it and below it is doomed (supervisor/process_status.h).
    bool is_doomed() const;

    // A descriptor that polls EPOLLPRI when the population changes; to be re-armed by population(). -1: not open.
    int events_fd() const { return events_.get(); }

    // Kills nothing. With groups that the workload made in it. Returns errno, or 0 when it is gone.
    int remove();

private:
    void open_files();

    std::string path_;
    UniqueFd folder_;
    UniqueFd kill_;
    UniqueFd events_;
    UniqueFd taken_;
};

// What the name of a group for a standby's tree begins with; its incarnation follows.
inline constexpr const char* kStandbyGroup = "standby-";

// The names of the groups in a group. Nothing, with errno set, when it cannot be opened.
std::optional<std::vector<std::string>> groups_in(const std::string& path);

// rmdir of a group and of all groups in it, deepest first. Returns errno, or 0.
int remove_cgroups(const std::string& path);

}  // namespace leasehold::supervisor
