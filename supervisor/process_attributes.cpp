// SPDX-License-Identifier: Apache-2.0
#include "supervisor/process_attributes.h"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "supervisor/protection.h"

namespace leasehold::supervisor {
namespace {

// Reports to the parent, and waits to be looked at until it closes its end.
[[noreturn]] void try_in_child(const ProcessAttributes& attributes, int report, int go_on) {
    const AttributeFailure failure = set_attributes(attributes);
    if (write(report, &failure, sizeof failure) != sizeof failure) _exit(1);
    char end = 0;
    while (read(go_on, &end, 1) < 0 && errno == EINTR) {
    }
    _exit(0);
}

Result<AttributeFailure> report_of(int fd) {
    AttributeFailure failure;
    ssize_t size = 0;
    do {
        size = read(fd, &failure, sizeof failure);
    } while (size < 0 && errno == EINTR);
    if (size == sizeof failure) return failure;
    return leasehold::failure("the trial of the workload's user and limits did not report");
}

void wait_for(pid_t child) {
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace

AttributeFailure set_attributes(const ProcessAttributes& attributes) {
    using Step = AttributeStep;
    if (attributes.oom_score_adj) {
        if (const int problem = set_oom_score_adj(*attributes.oom_score_adj); problem != 0) {
            return {Step::oom_score_adj, problem};
        }
    }
    if (attributes.nice && setpriority(PRIO_PROCESS, 0, *attributes.nice) != 0) return {Step::nice, errno};
    for (const ResourceLimit& limit : attributes.limits) {
        const rlimit wanted{limit.soft, limit.hard};
        if (setrlimit(static_cast<__rlimit_resource>(limit.resource), &wanted) != 0) return {Step::limits, errno};
    }
    if (attributes.umask) umask(*attributes.umask);
    if (attributes.credentials) {
        const auto& [user, group, groups] = *attributes.credentials;
        if (setgroups(groups.size(), groups.data()) != 0) return {Step::groups, errno};
        if (setresgid(group, group, group) != 0) return {Step::group, errno};
        if (setresuid(user, user, user) != 0) return {Step::user, errno};
    }
    const std::string& folder = attributes.working_directory;
    if (!folder.empty() && chdir(folder.c_str()) != 0) return {Step::working_directory, errno};
    return {};
}

std::string explain(const ProcessAttributes& attributes, const AttributeFailure& failure) {
    using Step = AttributeStep;
    const std::string why = std::generic_category().message(failure.problem);
    const Credentials credentials = attributes.credentials.value_or(Credentials{});
    switch (failure.step) {
        case Step::none: break;
        case Step::oom_score_adj:
            return fmt::format("workload.oom_score_adj: cannot be set to {}: {}; a lower one needs CAP_SYS_RESOURCE",
                               attributes.oom_score_adj.value_or(0), why);
        case Step::nice:
            return fmt::format("workload.nice: cannot be set to {}: {}; a lower one needs CAP_SYS_NICE",
                               attributes.nice.value_or(0), why);
        case Step::limits:
            return fmt::format(
                "workload.limits: cannot be set: {}; more than the hard limits of leasehold need "
                "CAP_SYS_RESOURCE",
                why);
        case Step::groups:
        case Step::group:
            return fmt::format(
                "workload.group: cannot become group {}, with its supplementary groups: {}; run "
                "leasehold as root, or with CAP_SETGID",
                credentials.group, why);
        case Step::user:
            return fmt::format("workload.user: cannot become user {}: {}; run leasehold as root, or with CAP_SETUID",
                               credentials.user, why);
        case Step::working_directory:
            return fmt::format(
                "workload.working_directory: cannot enter {}: {}; it is entered with the rights of the "
                "workload",
                attributes.working_directory, why);
    }
    return "nothing is wrong with the workload's user and limits";
}

Result<void> try_attributes(const ProcessAttributes& attributes) {
    if (attributes == ProcessAttributes{}) return {};
    int report[2] = {-1, -1};
    int go_on[2] = {-1, -1};
    if (pipe2(report, O_CLOEXEC) != 0) return system_failure("pipe2");
    UniqueFd reading(report[0]), writing(report[1]);
    if (pipe2(go_on, O_CLOEXEC) != 0) return system_failure("pipe2");
    UniqueFd waiting(go_on[0]), holding(go_on[1]);
    const pid_t child = fork();
    if (child < 0) return system_failure("fork");
    if (child == 0) {
        holding.reset();
        try_in_child(attributes, writing.get(), waiting.get());
    }
    writing.reset();
    const auto reported = report_of(reading.get());
    const bool killable = kill(child, 0) == 0;
    holding.reset();
    wait_for(child);
    if (!reported) return tl::unexpected<Error>(reported.error());
    if (reported->step != AttributeStep::none) return failure(explain(attributes, *reported), reported->problem);
    if (killable) return {};
    return failure("workload.user: leasehold could not kill a process of that user; run it as root, or with CAP_KILL");
}

}  // namespace leasehold::supervisor
