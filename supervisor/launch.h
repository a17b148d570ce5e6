// SPDX-License-Identifier: Apache-2.0
//
// How the command line's process turns into the guardian, and how the guardian tells the others who they are.
//
// The configuration is parsed in a child, which becomes the first agent, so that PID 1 carries no parser's memory.
// All that guardian and supervisor need travels in a sealed memfd in a plain binary form; the agent gets the accepted
// configuration as text in another, and the listening sockets, which so survive its restarts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "supervisor/containment.h"
#include "supervisor/options.h"
#include "supervisor/process_attributes.h"
#include "supervisor/protection.h"

namespace leasehold::supervisor {

struct LaunchSpec {
    std::string identity;
    std::string election;
    std::string incarnation;       // unique to this start
    WorkloadOptions workload;      // its env is complete; its process options stand in `attributes`, resolved
    ProcessAttributes attributes;  // of the workload
    ContainmentPlan containment;
    ProtectionOptions protection;
    Inheritance inheritance;  // what the workload gets back of it
    Duration recheck{};       // how often both clocks are looked at while a tree is alive: L/20
    Duration kill_allowance = std::chrono::milliseconds(250);  // how long a kill may take to be proven
    Duration wait_timeout{};  // the agent gives up (GiveUpMessage) when it does not lead by then; zero: never
    log::Options logging;
    std::string config_file;        // absolute: what a reload reads
    bool command_given = false;     // on the command line, instead of the file's
    Duration longest_lease{};       // of all configurations since the start: may stand in the running term's record
    std::uint64_t reload = 0;       // the number of the reload that brought this description; 0: from the start
    std::string reload_text;        // what that changed, and what it could not
    int config_fd = -1;             // sealed memfd with the accepted configuration, for every agent
    std::vector<int> listener_fds;  // listening sockets, for every agent
    int control_fd = -1;            // likewise, of the control socket; -1: there is none
    int notices_fd = -1;            // for every agent: what the workload says of itself (app/notices.h); -1: none
    int notify_fd = -1;             // the guardian's: a service manager's socket
    Duration watchdog{};            // how long that manager waits for a heartbeat; zero: it wants none
    std::vector<int> held_fds;      // kept open by guardian, supervisor and agent (a store's presence lock)
};

// The first argument by which an execution of the program is recognised as one of the roles.
inline constexpr const char* kSupervisorRole = "@supervisor";
inline constexpr const char* kAgentRole = "@agent";
inline constexpr const char* kOutputRole = "@output";
inline constexpr const char* kReloaderRole = "@reloader";

// The exit status of an agent that makes room for one with another configuration.
inline constexpr int kAgentReplaced = 3;

// What an agent process begins with. The descriptors belong to the agent.
struct AgentLaunch {
    LaunchSpec spec;
    int page_fd = -1;
    int guardian_fd = -1;            // SOCK_SEQPACKET; the socket to the supervisor comes as the first message on it
    std::uint64_t agent_number = 1;  // 1, and one more after each start
    int output_page_fd = -1;         // an OutputPage; -1: the workload's output is not captured
};

// Becomes the guardian, in this very process, which must have one thread, and returns the exit status of leasehold.
//
// What is to be guarded is for `prepare` to say. It is called in a child process; all that it opened and names in the
// description is open here then, too; `notify_fd` alone is to be open before. Where nothing can be guarded it returns
// an exit status instead, and has said why; the same status is returned here. Whether cgroups can be used is found out
// in another child meanwhile: `trial` waits for that.
//
// The child goes on as the first agent, in a session of its own, and the other one as the first supervisor: executions
// of the program are saved. `first_agent` is called in the former and returns its exit status. Those after them are
// executed.
using Preparation = std::function<tl::expected<LaunchSpec, int>(const CgroupTrial& trial)>;
int become_guardian(const Preparation& prepare, const std::function<int(AgentLaunch)>& first_agent);

// The main function of another role; called by main() with everything after the role argument. Returns the exit status
// of the process.
int supervisor_main(const std::vector<std::string>& arguments);

// The same of an agent that was executed.
Result<AgentLaunch> parse_agent_arguments(const std::vector<std::string>& arguments);

// A reloader finds the same, and ends when it has sent its verdict on the socket to the guardian. The first: another
// description, with its configuration as text. The second: nothing becomes different, and `text` says why.
Result<void> send_new_configuration(int guardian_fd, const LaunchSpec& spec, const std::string& config);
Result<void> send_reload_outcome(int guardian_fd, bool refused, const std::string& text);

// The same for the process that empties the pipes of a workload whose output is captured (supervisor/output_helper.h).
struct OutputLaunch {
    LaunchSpec spec;
    int guardian_fd = -1;  // ends with the guardian; nothing is ever said on it
    int page_fd = -1;      // an OutputPage
    int output_fd = -1;    // the pipe that is the workload's standard output: its end to read from
    int errors_fd = -1;    // the same for standard error
    int ended_fd = -1;     // an eventfd: a workload's tree has ended
};
Result<OutputLaunch> parse_output_arguments(const std::vector<std::string>& arguments);

// Looks up a command as execvp(3) would with this PATH. Returns the exit status that a failure stands for: 127 when
// there is no such file, 126 when it is there but may not be executed, 0 when it can.
int command_status(const std::string& command, const std::string& path, std::string& problem);

}  // namespace leasehold::supervisor
