// SPDX-License-Identifier: Apache-2.0
#include "supervisor/role_spawner.h"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/signals.h"

namespace leasehold::supervisor {
namespace {

constexpr int kNotExecuted = 127;

}  // namespace

Result<std::unique_ptr<RoleSpawner>> RoleSpawner::create() {
    std::unique_ptr<RoleSpawner> spawner(new RoleSpawner());
    try {
        spawner->thread_ = std::thread([raw = spawner.get()] { raw->serve(); });
    } catch (const std::system_error& problem) {
        return failure(std::string("cannot create a thread: ") + problem.what(), problem.code().value());
    }
    return spawner;
}

RoleSpawner::~RoleSpawner() {
    if (!thread_.joinable()) return;
    image_ = nullptr;
    asked_.release();
    thread_.join();
}

Result<RoleProcess> RoleSpawner::spawn(const RoleImage& image) {
    image_ = &image;
    asked_.release();
    answered_.acquire();
    if (pid_ < 0) return system_failure("fork", problem_);
    // Nobody but us reaps it, so its id is its own until then.
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd) {
        const int problem = errno;
        kill(pid_, SIGKILL);
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
        return system_failure("pidfd_open", problem);
    }
    return RoleProcess{pid_, std::move(pidfd)};
}

void RoleSpawner::serve() {
    for (;;) {
        asked_.acquire();
        if (image_ == nullptr) return;
        pid_ = fork();
        if (pid_ == 0) {
            setsid();
            restore_signals();
            image_->execute();
            _exit(kNotExecuted);
        }
        problem_ = errno;
        answered_.release();
    }
}

}  // namespace leasehold::supervisor
