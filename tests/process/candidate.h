// SPDX-License-Identifier: Apache-2.0
//
// A whole leasehold with a puppet for its agent, and looks at real processes. Everything waits for a condition, with a
// limit that only a broken subject reaches.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "supervisor/launch.h"

namespace leasehold::process_test {

inline constexpr auto kLimit = std::chrono::seconds(60);

// Returns whether the condition came true.
bool eventually(const std::function<bool()>& condition);

bool alive(pid_t pid);     // and not a zombie
char state_of(pid_t pid);  // as in /proc/PID/stat; 0 when there is no such process
std::string comm_of(pid_t pid);
pid_t parent_of(pid_t pid);
std::vector<pid_t> children_of(pid_t pid);

// The content of a file once it has a whole line; fails the test when that never comes.
std::string content_of(const std::string& path);
pid_t pid_in(const std::string& path);

class Candidate {
public:
    Candidate();
    // Kills and reaps everything that is left of it.
    ~Candidate();
    Candidate(const Candidate&) = delete;
    Candidate& operator=(const Candidate&) = delete;

    // To be changed before start().
    supervisor::LaunchSpec spec;
    bool as_pid_1 = false;                // in a PID namespace of its own
    std::function<void()> before_launch;  // in the process that becomes the guardian

    std::string file(const std::string& name) const { return folder_ + "/" + name; }
    void workload(const std::string& shell_script) { spec.workload.command = {"/bin/sh", "-c", shell_script}; }

    // Launches it and waits for the first agent and its connection to the supervisor. False: not possible here.
    bool start();
    // Waits for the next agent's connection; the old one's strings are cut.
    void next_agent();

    void tell_agent(const std::string& line) const;
    // Waits for a line of the agent that begins so, and returns the whole of it. Skips what the same source (the
    // line's first word) said before it; between two sources there is no order.
    std::string expect(const std::string& beginning);

    // Grants a term with time to spare, waits for STARTED, returns the workload's pid.
    pid_t lead(int term);

    pid_t guardian() const { return guardian_; }
    pid_t supervisor() const;
    pid_t agent() const { return agent_; }

    // Waits for the guardian's end; its exit status, or 1000 + signal.
    int exit_status();
    // Waits until no process of this candidate is left below the test (zombies included).
    bool nothing_left();
    std::string log() const;

private:
    std::string next_line();
    std::string take_pending(std::size_t index);
    void reap_adopted();

    std::string folder_;
    UniqueFd listener_;
    UniqueFd strings_;
    std::string unread_;
    std::vector<std::string> pending_;  // lines that nobody has waited for yet
    std::string heard_;                 // everything so far, for the message of a failure
    pid_t guardian_ = -1;
    pid_t agent_ = -1;
    std::map<pid_t, int> ended_;
};

// "pid=42 ..." in a line.
long number_after(const std::string& line, const std::string& key);

}  // namespace leasehold::process_test
