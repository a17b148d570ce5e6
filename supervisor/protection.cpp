// SPDX-License-Identifier: Apache-2.0
#include "supervisor/protection.h"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"

namespace leasehold::supervisor {
namespace {

constexpr const char* kScoreFile = "/proc/self/oom_score_adj";
constexpr int kAgentNice = -10;
constexpr std::size_t kNumberSize = 16;  // of a small number as text

// The number as text, without what async-signal-safe code may not call. Returns where it begins.
char* write_number(int number, char (&text)[kNumberSize]) {
    char* at = text + kNumberSize - 1;
    *at = '\0';
    unsigned int left = number < 0 ? 0U - static_cast<unsigned int>(number) : static_cast<unsigned int>(number);
    do {
        *--at = static_cast<char>('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0) *--at = '-';
    return at;
}

// Async-signal-safe. Returns errno, or 0.
int write_number_to(const char* path, int number) {
    char text[kNumberSize];
    const char* const begin = write_number(number, text);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    const ssize_t size = text + kNumberSize - 1 - begin;
    const int problem = write(fd, begin, static_cast<std::size_t>(size)) == size ? 0 : errno;
    close(fd);
    return problem;
}

std::optional<int> own_score() {
    const UniqueFd fd(open(kScoreFile, O_RDONLY | O_CLOEXEC));
    char text[kNumberSize] = {};
    if (!fd || read(fd.get(), text, sizeof text - 1) <= 0) return std::nullopt;
    return std::atoi(text);
}

std::string reason(int problem) { return std::generic_category().message(problem); }

// As every process is scheduled that nobody has given anything else.
bool scheduled_ordinarily() {
    errno = 0;
    const int nice_value = getpriority(PRIO_PROCESS, 0);
    return errno == 0 && nice_value == 0 && sched_getscheduler(0) == SCHED_OTHER;
}

void lower_score(const ProtectionOptions& options) {
    const auto score = own_score();
    if (!score) {
        log::debug("oom_score_adj stays as it is: it cannot be read");
    } else if (options.oom_score_adj < *score) {
        const int problem = set_oom_score_adj(options.oom_score_adj);
        if (problem != 0) log::debug("oom_score_adj stays at {}: {} (CAP_SYS_RESOURCE)", *score, reason(problem));
    }
}

void schedule_ahead(const ProtectionOptions& options) {
    if (options.scheduling == SchedulingChoice::normal) return;
    if (!scheduled_ordinarily()) {
        log::debug("scheduling stays as it was when leasehold was started");
        return;
    }
    sched_param lowest{};
    lowest.sched_priority = sched_get_priority_min(SCHED_RR);
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) == 0) return;
    log::debug("scheduling stays ordinary: {} (CAP_SYS_NICE, and real-time bandwidth of the cgroup)", reason(errno));
}

}  // namespace

Inheritance read_inheritance() {
    const int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    return {own_score(), slack > 0 ? static_cast<std::uint64_t>(slack) : 0};
}

void lock_memory(const ProtectionOptions& options) {
    if (options.lock_memory == MemoryLocking::off) return;
    if (!may_lock_memory()) {
        log::debug("memory is not locked: only a part of it might be (RLIMIT_MEMLOCK, CAP_IPC_LOCK)");
    } else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
        log::debug("memory is not locked: {}", reason(errno));
    }
}

void protect_guardian(const ProtectionOptions& options) {
    lower_score(options);
    schedule_ahead(options);
}

void protect_supervisor(const ProtectionOptions& options) {
    schedule_ahead(options);
    lock_memory(options);
}

void protect_first_supervisor(const ProtectionOptions& options) {
    lower_score(options);
    protect_supervisor(options);
}

void protect_agent(const ProtectionOptions& options) {
    if (options.scheduling == SchedulingChoice::normal || !scheduled_ordinarily()) return;
    if (setpriority(PRIO_PROCESS, 0, kAgentNice) != 0) {
        log::debug("nice stays at 0: {} (CAP_SYS_NICE)", reason(errno));
        return;
    }
    // Where the kernel groups processes by session, nice only counts within one, and the session's own value counts
    // against others (sched(7), "The autogroup feature"). The agent's session is its own; that of a sidecar may be a
    // user's, with other programs in it.
    if (getsid(0) != getpid()) return;
    constexpr const char* kSessionFile = "/proc/self/autogroup";
    if (access(kSessionFile, F_OK) != 0) return;
    const int problem = write_number_to(kSessionFile, kAgentNice);
    if (problem != 0) log::debug("nice of the session stays at 0: {}", reason(problem));
}

void protect_first_agent(const ProtectionOptions& options) {
    lower_score(options);
    protect_agent(options);
}

void protect_sidecar(const ProtectionOptions& options) { protect_first_agent(options); }

// Capabilities do not tell: in a user namespace of its own a process may seem to have all of them. So a little more
// than the limit is locked for a moment; none of it is ever touched, so none of it takes memory.
bool may_lock_memory() {
    rlimit limit{};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
    if (limit.rlim_cur == RLIM_INFINITY) return true;
    const std::size_t size = limit.rlim_cur + static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    if (size < limit.rlim_cur) return false;
    void* const area = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) return false;
    const bool locked = syscall(SYS_mlock2, area, size, MLOCK_ONFAULT) == 0;
    munmap(area, size);
    return locked;
}

Inheritance what_to_give_back(const Inheritance& started_with) {
    Inheritance changed = started_with;
    if (changed.oom_score_adj && own_score() == changed.oom_score_adj) changed.oom_score_adj.reset();
    return changed;
}

int give_back(const Inheritance& inheritance) {
    // Both take an unsigned long; nothing but a value beyond its range could be refused (prctl(2)).
    if (inheritance.timer_slack > 0) prctl(PR_SET_TIMERSLACK, inheritance.timer_slack, 0, 0, 0);
    return inheritance.oom_score_adj ? set_oom_score_adj(*inheritance.oom_score_adj) : 0;
}

int set_oom_score_adj(int score) { return write_number_to(kScoreFile, score); }

bool wanted_here(NoNewPrivileges setting) {
    return setting == NoNewPrivileges::yes || (setting == NoNewPrivileges::automatic && geteuid() != 0);
}

}  // namespace leasehold::supervisor
