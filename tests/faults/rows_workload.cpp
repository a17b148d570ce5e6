// SPDX-License-Identifier: Apache-2.0
//
// What the workload itself does.
#include <csignal>

#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

const std::string kWorkload = "the workload itself";

Row ends(const std::string& variant, int status) {
    return {.subject = kWorkload,
            .fault = variant,
            .expected = "its status is kept, successor at once",
            .play =
                [status](Trial& trial) {
                    trial.expect_successor();
                    trial.expect_status(trial.leader(), status);
                },
            .variants = {variant},
            .goal_ms = 300};
}

Row stops_itself(const std::string& fault, Part part, int number) {
    return {.subject = kWorkload,
            .fault = "stops itself (SIGSTOP), then " + fault,
            .expected = "killed, then a successor",
            .play =
                [part, number](Trial& trial) {
                    Trial::pass(milliseconds(200));
                    trial.signal(part, number);
                    trial.expect_successor();
                },
            .variants = {"stops itself"}};
}

}  // namespace

std::vector<Row> rows_of_workloads() {
    return {ends("ends with 0", 0),
            ends("ends with 3", 3),
            ends("ends with 3, leaves a daemon", 3),
            stops_itself("SIGTERM to leasehold", Part::guardian, SIGTERM),
            stops_itself("agent: SIGSTOP", Part::agent, SIGSTOP),
            stops_itself("supervisor: SIGKILL", Part::supervisor, SIGKILL)};
}

}  // namespace leasehold::faults
