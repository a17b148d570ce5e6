// SPDX-License-Identifier: Apache-2.0
//
// One process of the leader: killed, crashed, stopped, stopped and continued.
#include <csignal>

#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

const std::string kProcesses = "one process of the leader";

Row killed_supervisor(const std::string& fault, int number) {
    return {.subject = kProcesses,
            .fault = fault,
            .expected = "successor at once",
            .play =
                [number](Trial& trial) {
                    trial.signal(Part::supervisor, number);
                    trial.expect_successor();
                },
            .variants = all_variants(),
            .goal_ms = kAtOnce};
}

Row killed_agent(const std::string& fault, int number) {
    return {.subject = kProcesses,
            .fault = fault,
            .expected = "the same process runs on",
            .play =
                [number](Trial& trial) {
                    trial.signal(Part::agent, number);
                    trial.wait_until_gone(trial.pid_of(Part::agent));
                    trial.expect_same_for(trial.leases(2));
                },
            .variants = all_variants()};
}

Row killed_guardian(const std::string& fault, int number) {
    return {.subject = kProcesses,
            .fault = fault,
            .expected = "ends in order, successor at once",
            .play =
                [number](Trial& trial) {
                    trial.signal(Part::guardian, number);
                    trial.expect_successor();
                    trial.wait_until_gone(trial.pid_of(Part::supervisor));
                    trial.wait_until_gone(trial.pid_of(Part::agent));
                },
            .variants = all_variants()};
}

// Continued only when a successor runs: it must find that its time is over.
Row stopped_agent() {
    return {.subject = kProcesses,
            .fault = "agent: SIGSTOP, SIGCONT when the successor runs",
            .expected = "successor after the lease",
            .play =
                [](Trial& trial) {
                    trial.signal(Part::agent, SIGSTOP);
                    trial.expect_successor();
                    trial.signal(Part::agent, SIGCONT);
                    trial.expect_same_for(trial.leases(2));
                },
            .variants = all_variants()};
}

// Either way is right: the term is validly kept, or ended in time.
Row stopped_for_a_while(const std::string& who, Part part) {
    return {.subject = kProcesses,
            .fault = who + ": SIGSTOP, SIGCONT two leases later",
            .expected = "tree gone in time, or term kept",
            .play =
                [part](Trial& trial) {
                    trial.signal(part, SIGSTOP);
                    Trial::pass(trial.leases(2));
                    trial.signal(part, SIGCONT);
                    Trial::pass(trial.leases(1));
                },
            .variants = all_variants()};
}

// The agent has to hear from the supervisor that leasehold ends; else it would win one term after the other.
Row stopped_guardian_and_no_workload() {
    return {.subject = kProcesses,
            .fault = "guardian: SIGSTOP, then the workload ends, SIGCONT two leases later",
            .expected = "successor at once, and it stays",
            .play =
                [](Trial& trial) {
                    trial.signal(Part::guardian, SIGSTOP);
                    trial.signal_workload(SIGKILL);
                    trial.expect_successor();
                    trial.expect_same_for(trial.leases(2));
                    trial.signal(Part::guardian, SIGCONT);
                    trial.expect_status(trial.leader(), 128 + SIGKILL);
                },
            .variants = few_variants()};
}

Row killed_workload() {
    return {.subject = kProcesses,
            .fault = "workload: SIGKILL to every process of it",
            .expected = "released, successor at once",
            .play =
                [](Trial& trial) {
                    trial.signal_workload(SIGKILL);
                    trial.expect_successor();
                    trial.expect_status(trial.leader(), 128 + SIGKILL);
                },
            .variants = few_variants()};
}

// Nobody sees whether it works; it must be killed all the same.
Row stopped_workload() {
    return {.subject = kProcesses,
            .fault = "workload: SIGSTOP to every process, then agent: SIGSTOP",
            .expected = "successor after the lease",
            .play =
                [](Trial& trial) {
                    trial.signal_workload(SIGSTOP);
                    trial.signal(Part::agent, SIGSTOP);
                    trial.expect_successor();
                },
            .variants = few_variants()};
}

Row with_long_lease() {
    Row row = killed_supervisor("supervisor: SIGKILL, with a lease of 15 s", SIGKILL);
    row.setup.timing = {"15s", "10s", "2s"};
    return row;
}

}  // namespace

std::vector<Row> rows_of_processes() {
    return {killed_supervisor("supervisor: SIGKILL", SIGKILL),
            killed_supervisor("supervisor: SIGSEGV", SIGSEGV),
            with_long_lease(),
            stopped_for_a_while("supervisor", Part::supervisor),
            killed_agent("agent: SIGKILL", SIGKILL),
            killed_agent("agent: SIGSEGV", SIGSEGV),
            stopped_agent(),
            killed_guardian("guardian: SIGKILL", SIGKILL),
            killed_guardian("guardian: SIGSEGV", SIGSEGV),
            stopped_for_a_while("guardian", Part::guardian),
            stopped_guardian_and_no_workload(),
            killed_workload(),
            stopped_workload()};
}

}  // namespace leasehold::faults
