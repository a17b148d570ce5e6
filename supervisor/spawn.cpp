// SPDX-License-Identifier: Apache-2.0
#include "supervisor/spawn.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/signals.h"

namespace leasehold::supervisor {
namespace {

constexpr int kProgressFd = 3;
constexpr int kParentFd = 4;  // a pidfd of the supervisor: inside a PID namespace its number cannot be seen
constexpr int kExitNotExecuted = 125;

// Every descriptor but standard input, output and error, and the one by which we report.
void close_others(unsigned int highest) {
    if (close_range(kParentFd + 1, ~0U, 0) == 0) return;
    for (unsigned int fd = kParentFd + 1; fd <= highest; ++fd) close(static_cast<int>(fd));  // before Linux 5.9
}

unsigned int highest_descriptor() {
    rlimit limit{};
    constexpr rlim_t kMost = 1 << 20;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMost;
    return static_cast<unsigned int>(std::min(limit.rlim_cur, kMost));
}

[[noreturn]] void report(SpawnOutcome::Kind kind, int problem) {
    const SpawnOutcome outcome{kind, problem};
    const ssize_t written = write(kProgressFd, &outcome, sizeof outcome);
    _exit(written == sizeof outcome ? kExitNotExecuted : kExitNotExecuted + 1);
}

// In the new process: async-signal-safe calls only.
[[noreturn]] void become_workload(const Executable& executable, const Containment& containment, Instant soft,
                                  int progress, int parent, unsigned int highest) {
    using Kind = SpawnOutcome::Kind;
    const int parent_copy = fcntl(parent, F_DUPFD, kParentFd + 1);  // out of the way of the first
    if (progress != kProgressFd) dup2(progress, kProgressFd);
    dup2(parent_copy, kParentFd);
    fcntl(kProgressFd, F_SETFD, FD_CLOEXEC);
    fcntl(kParentFd, F_SETFD, FD_CLOEXEC);
    close_others(highest);
    setpgid(0, 0);
    // An aid, not a promise: should the supervisor be killed, at least its own child goes at once. It may have ended
    // before the request took effect.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) report(Kind::failed, errno);
    pollfd ended{kParentFd, POLLIN, 0};
    if (poll(&ended, 1, 0) != 0) report(Kind::orphaned, 0);
    if (const int problem = containment.enter(); problem != 0) report(Kind::failed, problem);
    restore_signals();
    if (reached_on_any_clock(soft, now())) report(Kind::late, 0);
    report(Kind::failed, executable.execute());
}

}  // namespace

std::map<std::string, std::string> added_environment(const LaunchSpec& spec, const TermGrant& grant) {
    std::map<std::string, std::string> added = spec.workload.env;
    added["LEASEHOLD_IDENTITY"] = spec.identity;
    added["LEASEHOLD_ELECTION"] = spec.election;
    added["LEASEHOLD_ROLE"] = "leader";
    added["LEASEHOLD_FENCING_TOKEN"] = std::to_string(grant.token);
    added["LEASEHOLD_TRANSITIONS"] = std::to_string(grant.transitions);
    added["LEASEHOLD_TERM_ID"] = term_id(spec.containment, spec.incarnation, grant.term);
    return added;
}

Result<Spawned> spawn(const Executable& executable, Containment& containment, Instant soft) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return system_failure("pipe2");
    UniqueFd progress(ends[0]);
    const UniqueFd reporting(ends[1]);
    const unsigned int highest = highest_descriptor();
    const UniqueFd parent(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
    if (!parent) return system_failure("pidfd_open of the supervisor");
    const auto pid = containment.fork_inside();
    if (!pid) return tl::unexpected<Error>(pid.error());
    if (*pid == 0) become_workload(executable, containment, soft, reporting.get(), parent.get(), highest);
    setpgid(*pid, *pid);  // both sides do it, so that it has happened whoever goes on first
    return Spawned{*pid, std::move(progress)};
}

std::optional<SpawnOutcome> outcome_of(const Spawned& spawned) {
    SpawnOutcome outcome;
    const ssize_t size = read(spawned.progress.get(), &outcome, sizeof outcome);
    if (size == sizeof outcome) return outcome;
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    return SpawnOutcome{};
}

}  // namespace leasehold::supervisor
