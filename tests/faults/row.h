// SPDX-License-Identifier: Apache-2.0
//
// One row of the fault matrix: what is done to whom, and what must follow. A cell is a row with one containment; each
// of its repetitions takes the next of the row's workload variants.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/harness/candidate.h"

namespace leasehold::faults {

class Trial;

inline constexpr double kAtOnce = 300;  // ms: the most for a successor that is to follow at once

// With which stores a row is played.
enum class Stores { any, file, servers };

// How the two candidates of a trial are set up.
struct Setup {
    harness::TestTiming timing{};
    bool unsafe = false;  // the build that enforces no deadline
    bool pid_1 = false;   // the leader is PID 1 of a namespace
    // The standby sees neither processes nor cgroups of the leader, as if it were on another machine. Otherwise it
    // would find and kill what the leader left, and hide that the leader should have done so itself.
    bool apart = true;
    bool in_cgroups = false;              // the leader in cgroups (v2, and v1's freezer) that the test made
    bool frozen = false;                  // the test freezes a whole tree
    bool standby = true;                  // a second candidate, which has seen the leader
    bool own_mounts = false;              // the trial runs in a mount namespace of its own
    bool own_servers = false;             // the store's, for it alone; each candidate gets there through relays
    std::vector<std::string> launcher{};  // the leader's: a command that executes its last arguments as a command
    int grace_ms = 1000;                  // workload.stop.grace_period
    int watch_ms = 300;                   // looked on for so long after the end, to see an overlap that begins late
};

// What the promise says of a cell.
enum class Promise {
    kept,          // no overlap, ever
    limited,       // a documented limit: an overlap is measured and shown, and fails nothing
    must_overlap,  // a negative control: without an overlap the suite is blind
};

struct Row {
    std::string subject;   // the table's section
    std::string fault;     // unique together with the subject
    std::string expected;  // for people
    std::function<void(Trial&)> play;
    std::vector<std::string> variants = {"plain"};
    Setup setup{};
    Stores stores = Stores::any;
    // Empty: the same for all containments, so that one is enough.
    std::vector<std::string> containments = {"subreaper", "cgroup", "namespace"};
    // Where the promise is limited; for the variant "plain", which is one process, only if `plain_too`.
    std::vector<std::string> limited{};
    bool plain_too = false;
    bool negative_control = false;
    std::optional<double> goal_ms{};  // for the median time in which nobody ran
    bool alone = false;               // disturbs other trials
    bool changes_clocks = false;      // of the whole machine: only played when asked for
    bool quick = true;                // part of the short version
    int most_repetitions = 1000;      // for what takes long

    std::string name() const { return subject + ": " + fault; }
    Promise promise(const std::string& containment, const std::string& variant) const;
};

// The matrix, in the order of the table.
std::vector<Row> all_rows();

// Options of the stamper for a variant; every one in `all_variants()` is known.
std::vector<std::string> stamper_options(const std::string& variant);
std::size_t stamper_slots(const std::string& variant);  // processes that have stamped once all of it runs
const std::vector<std::string>& all_variants();
const std::vector<std::string>& few_variants();  // the simplest and the worst

std::vector<Row> rows_of_processes();
std::vector<Row> rows_of_pairs();
std::vector<Row> rows_of_frozen_candidates();
std::vector<Row> rows_of_environments();
std::vector<Row> rows_of_phases();
std::vector<Row> rows_of_signals();
std::vector<Row> rows_of_workloads();
std::vector<Row> rows_of_the_record();
std::vector<Row> rows_of_the_file();
std::vector<Row> rows_of_servers();
std::vector<Row> rows_of_load();
std::vector<Row> rows_of_clocks();
std::vector<Row> rows_of_negative_controls();

}  // namespace leasehold::faults
