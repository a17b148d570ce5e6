// SPDX-License-Identifier: Apache-2.0
//
// Candidates of whatever tool, each around the stamper, as one group that contends for one lease.
//
// Threads: for one thread. The group's destructor, and what says so, blocks until processes have ended.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"
#include "tests/servers/client_go_candidate.h"

namespace leasehold::bench {

// One candidate: the process that was started, and what descends from it.
struct Member {
    std::string name;                          // as its workload stamps itself
    std::unique_ptr<harness::Candidate> ours;  // leasehold; absent of other tools
    std::unique_ptr<servers::ClientGoCandidate> client_go;
    std::unique_ptr<harness::Process> other;

    harness::Process& process();
    std::vector<pid_t> own_processes();  // the tool's, without the workload
};

class Group {
public:
    Group() : board_(folder_.path("board")) {}
    // SIGTERM to all, as an operator ends them; who does not end within the limit, and workloads that were left behind,
    // are killed by their ids.
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    // Folder, name, command (unless given) are filled in.
    Member& start_leasehold(const std::string& name, harness::Candidate::Options options);
    Member& start_client_go(const std::string& name, servers::ClientGoOptions options);
    // Any other tool: its command line, to which that of the workload is appended.
    Member& start_other(const std::string& name, std::vector<std::string> command);

    // SIGTERM, and away with it. Blocks until it has ended.
    void stop(Member& member);

    std::vector<harness::Stint> runs() const { return board_.runs(); }
    bool has_runs(std::size_t wanted, std::chrono::milliseconds limit = std::chrono::seconds(60));

    // By the newest run. REQUIRES: there was one.
    Member& leader();
    std::vector<Member*> standbys();
    std::vector<std::unique_ptr<Member>>& members() { return members_; }

    std::string path(const std::string& name) const { return folder_.path(name); }
    std::vector<std::string> workload() const { return {harness::stamper_program(), folder_.path("board")}; }

private:
    void kill_left_behind(const std::string& name);

    harness::TempFolder folder_;
    harness::Board board_;
    std::vector<std::unique_ptr<Member>> members_;
};

// Throws std::runtime_error with this text unless `condition`.
void demand(bool condition, const std::string& otherwise);

}  // namespace leasehold::bench
