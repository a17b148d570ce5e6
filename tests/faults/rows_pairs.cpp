// SPDX-License-Identifier: Apache-2.0
//
// Two and three of the leader's processes at once.
#include <csignal>

#include <fmt/format.h>

#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

const std::string kSeveral = "several processes of the leader at once";

// At once: what is to be killed is stopped first, so that none sees another one die.
void signal_all(Trial& trial, const std::vector<Part>& parts, int number) {
    for (const Part part : parts) {
        if (number == SIGKILL) trial.signal(part, SIGSTOP);
    }
    for (const Part part : parts) trial.signal(part, number);
}

Row killed(const std::string& who, std::vector<Part> parts, int number, const std::string& expected) {
    return {.subject = kSeveral,
            .fault = who,
            .expected = expected,
            .play =
                [parts = std::move(parts), number](Trial& trial) {
                    signal_all(trial, parts, number);
                    trial.expect_successor();
                },
            .variants = few_variants()};
}

Row stopped(const std::string& who, std::vector<Part> parts) {
    return {.subject = kSeveral,
            .fault = who + ": SIGSTOP, SIGCONT two leases later",
            .expected = "tree gone in time, or term kept",
            .play =
                [parts = std::move(parts)](Trial& trial) {
                    signal_all(trial, parts, SIGSTOP);
                    Trial::pass(trial.leases(2));
                    signal_all(trial, parts, SIGCONT);
                    Trial::pass(trial.leases(1));
                },
            .variants = few_variants()};
}

// Where nothing but the processes of leasehold itself holds the tree, what is more than one process can outlive them.
Row limited(Row row, std::vector<std::string> containments = {"subreaper", "cgroup"}) {
    row.limited = std::move(containments);
    row.expected += fmt::format("; more than one process: not by {}", fmt::join(row.limited, ", "));
    return row;
}

// The successor finds what is left of the old tree and kills it before it starts its own, unless that has cleared its
// environment and left no other trace.
Row here(Row row) {
    row.setup.apart = false;
    row.limited = {"subreaper"};
    row.expected += "; cleared environment: not by `subreaper`";
    return row;
}

// As `pkill -9 leasehold`: the guardian has another name.
Row killed_by_name() {
    return {.subject = kSeveral,
            .fault = "all that are called leasehold...: SIGKILL",
            .expected = "successor after the lease at most",
            .play =
                [](Trial& trial) {
                    for (const pid_t process : trial.whole_leader()) {
                        if (harness::name_of(process).find("leasehold") != std::string::npos) kill(process, SIGKILL);
                    }
                    trial.expect_successor();
                    if (!harness::lives(trial.pid_of(Part::guardian))) throw Failed{"the guardian was hit too"};
                },
            .variants = all_variants()};
}

}  // namespace

std::vector<Row> rows_of_pairs() {
    using enum Part;
    const std::string late = "successor after the lease";
    return {
        killed_by_name(),
        killed("supervisor and agent: SIGKILL", {supervisor, agent}, SIGKILL, "successor after the lease at most"),
        killed("guardian and agent: SIGKILL", {guardian, agent}, SIGKILL, late),
        limited(killed("guardian and supervisor: SIGKILL", {guardian, supervisor}, SIGKILL, late), {"subreaper"}),
        limited(killed("all three: SIGKILL", {guardian, supervisor, agent}, SIGKILL, late)),
        here(killed("all three: SIGKILL, standby on the same machine", {guardian, supervisor, agent}, SIGKILL, late)),
        limited(killed("all three: SIGSEGV", {guardian, supervisor, agent}, SIGSEGV, late)),
        stopped("supervisor and agent", {supervisor, agent}),
        stopped("guardian and agent", {guardian, agent}),
        stopped("guardian and supervisor", {guardian, supervisor}),
        limited(stopped("all three, not the workload", {guardian, supervisor, agent}))};
}

}  // namespace leasehold::faults
