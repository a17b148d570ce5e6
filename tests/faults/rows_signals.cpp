// SPDX-License-Identifier: Apache-2.0
//
// Signals by which leasehold itself is stopped, in every phase.
#include <csignal>
#include <thread>

#include "tests/faults/lock_holder.h"
#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

constexpr milliseconds kMoment{100};
const std::string kSignals = "signals to leasehold";

// To the leader, one after the other; then the successor is waited for, and the leader's end.
Row to_leader(const std::string& fault, std::vector<int> numbers, milliseconds between = milliseconds(0)) {
    return {.subject = kSignals,
            .fault = fault,
            .expected = "ends in order, successor at once",
            .play =
                [numbers = std::move(numbers), between](Trial& trial) {
                    for (const int number : numbers) {
                        trial.signal(Part::guardian, number);
                        if (between.count() > 0) Trial::pass(between);
                    }
                    trial.expect_successor();
                    trial.expect_end(trial.leader());
                },
            .variants = all_variants(),
            .goal_ms = kAtOnce};
}

Row to_standby(const std::string& name, int number) {
    return {.subject = kSignals,
            .fault = name + " to a standby",
            .expected = "it ends with 0, the leader runs on",
            .play =
                [number](Trial& trial) {
                    kill(trial.standbys(Part::guardian), number);
                    trial.expect_status(trial.standby(), 0);
                    trial.expect_same_for(trial.leases(1));
                },
            .containments = {}};
}

// Both, a moment after each other: whatever the second one was about to do, it must not leave anything behind.
Row to_both(const std::string& fault, int number) {
    return {.subject = kSignals,
            .fault = fault,
            .expected = "both end, nothing is left",
            .play =
                [number](Trial& trial) {
                    trial.signal(Part::guardian, SIGTERM);
                    std::this_thread::sleep_for(std::chrono::microseconds(500) * trial.spread(40));
                    kill(trial.standbys(Part::guardian), number);
                    trial.expect_end(trial.leader());
                    trial.expect_end(trial.standby());
                    if (trial.still_stamping()) throw Failed{"something still runs"};
                },
            .variants = few_variants()};
}

Row while_releasing(const std::string& fault, std::vector<int> numbers) {
    return {.subject = kSignals,
            .fault = fault + " while the lease is being released",
            .expected = "ends, successor after the lease at most",
            .play =
                [numbers = std::move(numbers)](Trial& trial) {
                    {
                        const LockHolder held(trial.lease());
                        trial.signal(Part::guardian, SIGTERM);
                        Trial::pass(kMoment);
                        for (const int number : numbers) trial.signal(Part::guardian, number);
                        Trial::pass(kMoment);
                    }
                    trial.expect_successor();
                    trial.expect_end(trial.leader());
                },
            .stores = Stores::file,
            .containments = {}};
}

}  // namespace

std::vector<Row> rows_of_signals() {
    return {to_leader("SIGTERM", {SIGTERM}),
            to_leader("SIGINT", {SIGINT}),
            to_leader("SIGTERM twice at once", {SIGTERM, SIGTERM}),
            to_leader("SIGTERM twice, 100 ms apart", {SIGTERM, SIGTERM}, kMoment),
            to_leader("SIGTERM, SIGHUP, SIGQUIT at once", {SIGTERM, SIGHUP, SIGQUIT}),
            to_leader("SIGHUP, which ends the workload", {SIGHUP}),
            to_leader("SIGQUIT, which ends the workload", {SIGQUIT}),
            to_standby("SIGTERM", SIGTERM),
            to_standby("SIGQUIT", SIGQUIT),
            to_both("SIGTERM to the leader, and to the successor as it takes over", SIGTERM),
            to_both("SIGTERM to the leader, SIGINT to the successor as it takes over", SIGINT),
            while_releasing("SIGTERM", {SIGTERM}),
            while_releasing("SIGHUP and SIGQUIT", {SIGHUP, SIGQUIT})};
}

}  // namespace leasehold::faults
