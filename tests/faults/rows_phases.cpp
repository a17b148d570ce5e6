// SPDX-License-Identifier: Apache-2.0
//
// Killed while something is going on: as a standby, while taking over, starting, stopping, releasing. Where the moment
// matters, each repetition takes another one.
#include <csignal>
#include <thread>

#include "tests/faults/lock_holder.h"
#include "tests/faults/trial.h"

namespace leasehold::faults {
namespace {

const std::string kPhases = "SIGKILL in a certain phase";

const char* name_of(Part part) {
    switch (part) {
        case Part::guardian: return "guardian";
        case Part::supervisor: return "supervisor";
        case Part::agent: return "agent";
    }
    return "";
}

// Up to 20 ms in steps of half a millisecond: a hand-over takes some five.
void wait_a_spread(const Trial& trial) {
    std::this_thread::sleep_for(std::chrono::microseconds(500) * trial.spread(40));
}

Row row(Part part, const std::string& phase, const std::string& expected, std::function<void(Trial&)> play) {
    return {.subject = kPhases,
            .fault = name_of(part) + (": " + phase),
            .expected = expected,
            .play = std::move(play),
            .variants = few_variants(),
            .setup = {.apart = false, .grace_ms = 600}};
}

Row of_standby(Part part) {
    return row(part, "of a standby", "the leader's process runs on", [part](Trial& trial) {
        kill(trial.standbys(part), SIGKILL);
        trial.expect_same_for(trial.leases(1.5));
    });
}

// Without its guardian the standby ends in order, perhaps before it could take over.
Row of_successor(Part part) {
    return row(part, "of the successor while it takes over", "one of the two leads in the end", [part](Trial& trial) {
        const pid_t victim = trial.standbys(part);
        trial.signal(Part::guardian, SIGTERM);
        wait_a_spread(trial);
        kill(victim, SIGKILL);
        if (part == Part::guardian) return Trial::pass(trial.leases(1.5));
        trial.expect_successor();
        trial.pass(trial.leases(1.5));
        if (!trial.still_stamping(std::chrono::seconds(5))) throw Failed{"nobody leads"};
    });
}

Row while_stopping(Part part) {
    Row made =
        row(part, "while the workload is being stopped", "successor, after the lease at most", [part](Trial& trial) {
            trial.signal(Part::guardian, SIGTERM);
            Trial::pass(milliseconds(150));
            trial.signal(part, SIGKILL);
            trial.expect_successor();
        });
    made.variants = {"ignores TERM", "worst", "forks without end"};
    return made;
}

Row while_releasing(Part part) {
    Row made =
        row(part, "while the lease is being released", "successor, after the lease at most", [part](Trial& trial) {
            {
                const LockHolder held(trial.lease());
                trial.signal(Part::guardian, SIGTERM);
                Trial::pass(milliseconds(100));
                trial.signal(part, SIGKILL);
                Trial::pass(milliseconds(50));
            }
            trial.expect_successor();
        });
    made.stores = Stores::file;
    return made;
}

}  // namespace

std::vector<Row> rows_of_phases() {
    std::vector<Row> rows;
    for (const auto phase : {of_standby, of_successor, while_stopping, while_releasing}) {
        for (const Part part : {Part::guardian, Part::supervisor, Part::agent}) rows.push_back(phase(part));
    }
    return rows;
}

}  // namespace leasehold::faults
