// SPDX-License-Identifier: Apache-2.0
//
// The whole candidate, its workload included, does not run for longer than its lease, and then goes on. No lease can
// prevent that the workload lives for a moment then (a fencing token can make that harmless); how long is measured.
#include <csignal>

#include "tests/faults/surroundings.h"
#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

const std::string kFrozen = "the whole leader frozen, thawed when the successor runs";

Row frozen(const std::string& fault, std::function<void(Trial&)> freeze_it, std::function<void(Trial&)> thaw_it) {
    return {.subject = kFrozen,
            .fault = fault,
            .expected = "the old tree dies at the thaw",
            .play =
                [freeze_it = std::move(freeze_it), thaw_it = std::move(thaw_it)](Trial& trial) {
                    const std::vector<pid_t> workload = harness::descendants_of(trial.pid_of(Part::supervisor));
                    freeze_it(trial);
                    trial.expect_successor();
                    thaw_it(trial);
                    for (const pid_t process : workload) trial.wait_until_gone(process);
                    trial.expect_same_for(trial.leases(1));
                },
            .variants = {"plain", "worst", "ignores TERM", "daemon"},
            .setup = {.frozen = true}};
}

void signal_everything(Trial& trial, int number) {
    for (const pid_t process : trial.whole_leader()) kill(process, number);
}

}  // namespace

std::vector<Row> rows_of_frozen_candidates() {
    Row v2 = frozen(
        "cgroup v2 freezer", [](Trial& trial) { freeze(trial.cgroup()); }, [](Trial& trial) { thaw(trial.cgroup()); });
    v2.setup.in_cgroups = true;
    Row v1 = frozen(
        "cgroup v1 freezer", [](Trial& trial) { freeze(trial.freezer()); },
        [](Trial& trial) { thaw(trial.freezer()); });
    v1.setup.in_cgroups = true;
    return {frozen(
                "SIGSTOP to every process, SIGCONT", [](Trial& trial) { signal_everything(trial, SIGSTOP); },
                [](Trial& trial) { signal_everything(trial, SIGCONT); }),
            v2, v1};
}

}  // namespace leasehold::faults
