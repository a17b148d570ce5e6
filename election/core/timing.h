// SPDX-License-Identifier: Apache-2.0
//
// The timing contract: which durations there are, which instants follow from them, and which combinations cannot hold.
// docs/election.md derives each of them. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"

namespace leasehold::election {

struct Timing {
    Duration lease_duration = std::chrono::seconds(15);  // L
    Duration renew_deadline = std::chrono::seconds(10);  // R
    Duration retry_period = std::chrono::seconds(2);     // between two renewals
    double clock_drift = 0.01;                           // share of L by which the better of two clocks may be wrong
    Duration kill_allowance = std::chrono::milliseconds(250);  // how long a kill may take to be proven

    friend bool operator==(const Timing&, const Timing&) = default;

    // What is kept back from the lease: clock_drift * L + kill_allowance.
    Duration margin() const;

    // Deadlines of a term whose last successful write was sent at `sent`.
    Instant soft(Instant sent) const { return sent + renew_deadline; }
    Instant hard(Instant sent) const { return sent + (lease_duration - margin()); }
};

// How long one request may take: a third of what is left before `limit`, at least a tenth of the renew deadline, and
// never past the limit. Zero or less means that there is no point in sending it.
Duration request_timeout(const Timing& timing, Duration left);

// One inequality that does not hold.
struct TimingProblem {
    std::string key;   // the option to change: "renew_deadline"
    std::string text;  // the inequality with its numbers, and values that would work
};

// All inequalities that the timing breaks; empty when the promise can be kept with it.
std::vector<TimingProblem> check(const Timing& timing);

// What a timing means for an operator. All measured from the sending of the last successful renewal unless said
// otherwise.
struct Budget {
    Duration outage_tolerated;        // a store outage that begins right after a renewal and is shorter goes unnoticed
    Duration outage_tolerated_worst;  // the same when it begins right before the next renewal
    Duration forced_stop_time;        // what the workload gets between SIGTERM and SIGKILL when leadership is lost
    Duration takeover_at_most;        // after a crash of everything: last renewal seen to successor's attempt
    Duration takeover_at_least;       // the same when the crash came right before a renewal
};
Budget budget(const Timing& timing);

}  // namespace leasehold::election
