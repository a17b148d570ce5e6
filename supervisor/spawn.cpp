// SPDX-License-Identifier: Apache-2.0
#include "supervisor/spawn.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/process_status.h"
#include "supervisor/signals.h"
#include "supervisor/terminal.h"

namespace leasehold::supervisor {
namespace {

constexpr int kProgressFd = 3;
constexpr int kParentFd = 4;  // a pidfd of the supervisor
constexpr int kExitNotExecuted = 125;

// Every descriptor but standard input, output and error, and the two of our own, which are closed by the execution.
void keep_own_descriptors(int progress, int parent, unsigned int highest) {
    const int kept = fcntl(parent, F_DUPFD_CLOEXEC, kParentFd + 1);  // out of the way of the other
    if (progress != kProgressFd) dup2(progress, kProgressFd);
    fcntl(kProgressFd, F_SETFD, FD_CLOEXEC);
    if (kept >= 0) dup3(kept, kParentFd, O_CLOEXEC);
    if (close_range(kParentFd + 1, ~0U, 0) == 0) return;
    for (unsigned int fd = kParentFd + 1; fd <= highest; ++fd) close(static_cast<int>(fd));  // before Linux 5.9
}

unsigned int highest_descriptor() {
    rlimit limit{};
    constexpr rlim_t kMost = 1 << 20;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMost;
    return static_cast<unsigned int>(std::min(limit.rlim_cur, kMost));
}

[[noreturn]] void report(SpawnOutcome::Kind kind, int problem, AttributeStep step = AttributeStep::none) {
    const SpawnOutcome outcome{kind, problem, step};
    const ssize_t written = write(kProgressFd, &outcome, sizeof outcome);
    _exit(written == sizeof outcome ? kExitNotExecuted : kExitNotExecuted + 1);
}

// An aid, not a promise: should the supervisor be killed, at least its own child goes at once. It may have ended before
// the request took effect; its number tells nothing when a PID namespace lies in between.
void die_with_parent() {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) report(SpawnOutcome::Kind::failed, errno);
    if (has_ended(kParentFd)) report(SpawnOutcome::Kind::orphaned, 0);
}

void become_as_wanted(const ProcessAttributes& attributes) {
    const AttributeFailure failure = set_attributes(attributes);
    if (failure.step != AttributeStep::none) report(SpawnOutcome::Kind::unlike, failure.problem, failure.step);
    if (attributes.credentials) die_with_parent();  // their change took the request away
}

// In the new process: async-signal-safe calls only.
[[noreturn]] void become_workload(const Executable& executable, const Containment& containment, Instant soft,
                                  const SpawnSettings& settings, int progress, int parent, unsigned int highest) {
    using Kind = SpawnOutcome::Kind;
    for (int fd = 0; settings.streams >= 0 && fd < kProgressFd; ++fd) dup2(settings.streams, fd);
    if (settings.input >= 0) dup2(settings.input, STDIN_FILENO);
    if (settings.output >= 0) dup2(settings.output, STDOUT_FILENO);
    if (settings.errors >= 0) dup2(settings.errors, STDERR_FILENO);
    keep_own_descriptors(progress, parent, highest);
    die_with_parent();
    setpgid(0, 0);
    if (const int problem = containment.enter(); problem != 0) report(Kind::failed, problem);
    if (const int problem = give_back(settings.give_back); problem != 0) report(Kind::altered, problem);
    if (settings.attributes != nullptr) become_as_wanted(*settings.attributes);
    if (settings.no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) report(Kind::failed, errno);
    if (settings.foreground) put_own_group_into_foreground();
    restore_signals();
    if (reached_on_any_clock(soft, now())) report(Kind::late, 0);
    report(Kind::failed, executable.execute());
}

}  // namespace

std::vector<std::string> environment_of(const WorkloadOptions& workload,
                                        const std::map<std::string, std::string>& told) {
    std::map<std::string, std::string> added = told;
    added.insert(workload.env.begin(), workload.env.end());  // what is there already stays
    if (!workload.process.clear_env) return merged_environment(environ, added);
    for (const char* name : {"PATH", "TERM"}) {
        if (const char* value = std::getenv(name)) added.emplace(name, value);
    }
    const char* const nothing[] = {nullptr};
    return merged_environment(nothing, added);
}

std::map<std::string, std::string> told_as_standby(const LaunchSpec& spec) {
    return {
        {"LEASEHOLD_IDENTITY", spec.identity}, {"LEASEHOLD_ELECTION", spec.election}, {"LEASEHOLD_ROLE", "standby"}};
}

std::map<std::string, std::string> told_in(const LaunchSpec& spec, const TermGrant& grant) {
    std::map<std::string, std::string> added = told_as_standby(spec);
    added["LEASEHOLD_ROLE"] = "leader";
    added["LEASEHOLD_FENCING_TOKEN"] = std::to_string(grant.token);
    added["LEASEHOLD_TRANSITIONS"] = std::to_string(grant.transitions);
    added["LEASEHOLD_TERM_ID"] = term_id(spec.containment, spec.incarnation, grant.term);
    return added;
}

Result<Spawned> spawn(const Executable& executable, Containment& containment, Instant soft,
                      const SpawnSettings& settings) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return system_failure("pipe2");
    UniqueFd progress(ends[0]);
    const UniqueFd reporting(ends[1]);
    const unsigned int highest = highest_descriptor();
    const UniqueFd parent = open_process(getpid());
    if (!parent) return failure("no descriptor of the supervisor itself");
    const auto pid = settings.beside ? containment.fork_beside() : containment.fork_inside(settings.purpose);
    if (!pid) return tl::unexpected<Error>(pid.error());
    if (*pid == 0) become_workload(executable, containment, soft, settings, reporting.get(), parent.get(), highest);
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
