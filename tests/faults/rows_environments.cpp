// SPDX-License-Identifier: Apache-2.0
//
// Where something besides leasehold holds the tree together: PID 1 of a container, a service manager's cgroup.
#include <csignal>

#include "tests/faults/surroundings.h"
#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

const std::string kPid1 = "leasehold is PID 1 of a container";
const std::string kManager = "leasehold in a service manager's cgroup, which is killed when the main process ends";
const std::string kAfterLease = "successor after the lease";

Row as_pid_1(const std::string& fault, const std::string& expected, std::function<void(Trial&)> play) {
    return {.subject = kPid1,
            .fault = fault,
            .expected = expected,
            .play = std::move(play),
            .variants = all_variants(),
            .setup = {.pid_1 = true}};
}

std::function<void(Trial&)> signals(std::vector<Part> parts, int number) {
    return [parts = std::move(parts), number](Trial& trial) {
        for (const Part part : parts) trial.signal(part, number);
        trial.expect_successor();
    };
}

// As systemd does with KillMode=control-group and a short TimeoutStopSec: the main process has ended, so the rest is
// killed.
void play_the_manager(Trial& trial) {
    trial.wait_until_gone(trial.pid_of(Part::guardian));
    if (!write_to(trial.cgroup() + "/cgroup.kill", "1")) throw Skipped{"this kernel has no cgroup.kill"};
}

Row managed(const std::string& fault, std::vector<Part> parts) {
    return {.subject = kManager,
            .fault = fault,
            .expected = kAfterLease,
            .play =
                [parts = std::move(parts)](Trial& trial) {
                    for (const Part part : parts) trial.signal(part, SIGKILL);
                    play_the_manager(trial);
                    trial.expect_successor();
                },
            .variants = all_variants(),
            .setup = {.in_cgroups = true}};
}

Row whole_container_killed() {
    Row row = as_pid_1("the whole cgroup killed at once", "successor after the lease", [](Trial& trial) {
        if (!write_to(trial.cgroup() + "/cgroup.kill", "1")) throw Skipped{"this kernel has no cgroup.kill"};
        trial.expect_successor();
    });
    row.subject = kManager;
    row.setup = {.in_cgroups = true};
    return row;
}

}  // namespace

std::vector<Row> rows_of_environments() {
    using enum Part;
    std::vector<Row> rows{as_pid_1("guardian (PID 1): SIGKILL", kAfterLease, signals({guardian}, SIGKILL)),
                          as_pid_1("all three: SIGKILL", kAfterLease, signals({supervisor, agent, guardian}, SIGKILL)),
                          as_pid_1("supervisor: SIGKILL", "successor at once", signals({supervisor}, SIGKILL)),
                          as_pid_1("supervisor and agent: SIGKILL", "successor after the lease at most",
                                   signals({supervisor, agent}, SIGKILL)),
                          as_pid_1("agent: SIGKILL", "the same process runs on",
                                   [](Trial& trial) {
                                       trial.signal(Part::agent, SIGKILL);
                                       trial.expect_same_for(trial.leases(2));
                                   }),
                          as_pid_1("agent: SIGSTOP", kAfterLease, signals({agent}, SIGSTOP)),
                          as_pid_1("SIGTERM", "successor at once",
                                   [](Trial& trial) {
                                       trial.signal(Part::guardian, SIGTERM);
                                       trial.expect_successor();
                                       trial.expect_end(trial.leader());
                                   }),
                          managed("guardian: SIGKILL", {guardian}),
                          managed("all three: SIGKILL", {supervisor, agent, guardian}),
                          whole_container_killed()};
    rows[2].goal_ms = kAtOnce;
    rows[6].goal_ms = kAtOnce;
    return rows;
}

}  // namespace leasehold::faults
