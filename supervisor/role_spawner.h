// SPDX-License-Identifier: Apache-2.0
//
// Starts supervisor and agent from a thread of its own, so that the guardian can prove that nothing else is left.
//
// The guardian's proof is that there is no child left (supervisor/reaper.h), but its agent is to stay alive meanwhile.
// waitid(2) can leave out children by the thread that made them: with __WNOTHREAD it looks only at those of the calling
// thread. Orphans are always given to the main thread of their reaper, the two roles belong to the thread in here, so
// Children::of_this_thread on the main thread sees orphans alone. (Telling them apart by the exit signal, __WCLONE,
// does not work: execve(2) sets it back to SIGCHLD. tests/process shows all of this.)
//
// Threads: construct, use and destroy on the main thread. The inner thread only ever forks; it must live as long as its
// children, because they would be given to the main thread otherwise.
#pragma once

#include <memory>
#include <semaphore>
#include <thread>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/launch_internal.h"

namespace leasehold::supervisor {

struct RoleProcess {
    pid_t pid = -1;
    UniqueFd pidfd;
};

class RoleSpawner {
public:
    static Result<std::unique_ptr<RoleSpawner>> create();
    ~RoleSpawner();
    RoleSpawner(const RoleSpawner&) = delete;
    RoleSpawner& operator=(const RoleSpawner&) = delete;

    // Starts one, in a session of its own, with default signals. Waits for the fork, not for the execution: a role that
    // cannot be executed ends with status 127.
    Result<RoleProcess> spawn(const RoleImage& image);

private:
    RoleSpawner() = default;
    void serve();

    std::binary_semaphore asked_{0};
    std::binary_semaphore answered_{0};
    const RoleImage* image_ = nullptr;  // null: end
    pid_t pid_ = -1;
    int problem_ = 0;
    std::thread thread_;
};

}  // namespace leasehold::supervisor
