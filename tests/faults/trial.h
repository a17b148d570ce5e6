// SPDX-License-Identifier: Apache-2.0
//
// One trial: a leader and a standby in a folder of their own, a fault, and the stamps. Each runs in a process of its
// own (tests/faults/runner.h), which is a subreaper: whatever a candidate loses ends up below it, and is found.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/faults/row.h"
#include "tests/harness/board.h"
#include "tests/harness/candidate.h"
#include "tests/servers/ensemble.h"
#include "tests/servers/relays.h"

namespace leasehold::faults {

using std::chrono::milliseconds;

// Thrown by what follows, and by rows: the trial ends there.
struct Failed {
    std::string why;
};
struct Skipped {
    std::string why;
};

struct Outcome {
    std::string variant;
    std::string skipped;
    std::string problem;
    double overlap_ms = 0;
    std::optional<double> nobody_ran_ms;
    std::optional<double> thawed_ms;
    std::optional<double> other_ms;  // what the row itself measured
    bool alive_together = false;     // by the locks: also what is stopped
    std::string log;                 // of both candidates, when something went wrong
};

enum class Part { guardian, supervisor, agent };

// Where the elections are held: in a file of each trial's own, or in servers.
struct TrialStore {
    std::optional<servers::EnsembleKind> kind{};  // none: a file
    servers::Ensemble* shared = nullptr;          // for rows that leave the servers alone
};

class Trial {
public:
    Trial(const Row& row, const TrialStore& store, std::string containment, int repetition);
    ~Trial();
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

    // Plays the row's part, ends everything, judges.
    Outcome run();

    harness::Candidate& leader() { return *leader_; }
    harness::Candidate& standby() { return *standby_; }
    // Further candidates.
    std::unique_ptr<harness::Candidate> start(const std::string& name, const std::string& containment = {});

    pid_t pid_of(Part part) const;  // of the first leader, as it was when the fault began
    void signal(Part part, int number) const;
    void signal_workload(int number) const;   // to every process of the first leader's tree
    std::vector<pid_t> whole_leader() const;  // all its processes, the workload's included
    pid_t standbys(Part part);

    // Waits for another tree than those there were; for the leader's end; for a while.
    void expect_successor(milliseconds limit = std::chrono::seconds(30));
    void expect_same_for(milliseconds length);  // one tree, and it stamps on
    void expect_status(harness::Candidate& candidate, int status);
    void expect_end(harness::Candidate& candidate);
    void expect_no_more_trees(milliseconds length);
    void expect_log(harness::Candidate& candidate, const std::string& text);
    void wait_until_gone(pid_t process);
    static void pass(milliseconds length);
    milliseconds leases(double count) const;  // so many times the lease duration of the candidates
    bool still_stamping(milliseconds within = milliseconds(200)) const;
    std::size_t trees() const;

    const harness::TempFolder& folder() const { return folder_; }
    std::string lease() const { return lease_; }  // the file

    // The record, past the candidates. `text` replaces it, as an editor does.
    std::optional<std::string> record();
    void put_record(const std::string& text);
    void remove_record();

    // Of a row that has servers of its own.
    servers::Ensemble& servers() { return *own_servers_; }
    servers::Relays& ways_of(const harness::Candidate& candidate) { return *ways_.at(candidate.name()); }

    const std::string& containment() const { return containment_; }
    int repetition() const { return repetition_; }
    // A different number in [0, below) for each repetition.
    int spread(int below) const { return repetition_ * 7919 % below; }
    void measured(double value) { outcome_.other_ms = value; }
    const std::string& cgroup() const { return cgroup_; }  // of the leader: v2; empty when there is none
    const std::string& freezer() const { return freezer_; }

private:
    void prepare();
    std::string store_option(const std::string& candidate);
    servers::Ensemble& any_servers() { return own_servers_ ? *own_servers_ : *store_.shared; }
    void make_cgroups();
    void begin();
    void end();
    void kill_what_is_left();
    void collect();

    const Row& row_;
    const TrialStore& store_;
    const harness::TestTiming timing_;
    std::string containment_;
    int repetition_;
    harness::TempFolder folder_;
    std::string lease_;
    std::string election_;
    std::unique_ptr<servers::Ensemble> own_servers_;
    std::map<std::string, std::unique_ptr<servers::Relays>> ways_;  // by the candidate's name
    std::unique_ptr<harness::Board> board_;
    std::unique_ptr<harness::Candidate> leader_;
    std::unique_ptr<harness::Candidate> standby_;
    std::string cgroup_;
    std::string freezer_;
    pid_t guardian_ = 0;
    pid_t supervisor_ = 0;
    pid_t agent_ = 0;
    std::size_t trees_before_ = 0;
    bool ended_ = false;
    std::chrono::nanoseconds end_began_{};
    Outcome outcome_;
};

// Mounted cgroup hierarchies: v2 ("cgroup2"), or v1's with this controller; empty when there is none.
std::string cgroup_mount(const std::string& controller = {});

// Plays one trial, prepared as the row says. Never throws.
Outcome play(const Row& row, const TrialStore& store, const std::string& containment, int repetition);

}  // namespace leasehold::faults
