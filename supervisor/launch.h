// SPDX-License-Identifier: Apache-2.0
//
// How the command line's process turns into the guardian, and how the guardian tells the others who they are.
//
// The process that parsed the configuration executes itself anew as guardian, so that PID 1 carries no parser's memory.
// All that guardian and supervisor need travels in a sealed memfd in a plain binary form; the agent gets the accepted
// configuration as text in another, and the listening sockets, which so survive its restarts.
#pragma once

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
    int config_fd = -1;             // sealed memfd with the accepted configuration, for every agent
    std::vector<int> listener_fds;  // listening sockets, for every agent
    int notify_fd = -1;             // the guardian's: a service manager's socket
    Duration watchdog{};            // how long that manager waits for a heartbeat; zero: it wants none
    std::vector<int> held_fds;      // kept open by every process of this start (a store's presence lock)
};

// The first argument by which an execution of the program is recognised as one of the roles.
inline constexpr const char* kGuardianRole = "@guardian";
inline constexpr const char* kSupervisorRole = "@supervisor";
inline constexpr const char* kAgentRole = "@agent";

// Executes the program anew as guardian, in this very process. Returns only when that fails.
Error become_guardian(const LaunchSpec& spec);

// The main functions of two of the roles; called by main() with everything after the role argument. They return the
// exit status of the process.
int guardian_main(const std::vector<std::string>& arguments);
int supervisor_main(const std::vector<std::string>& arguments);

// What an agent process finds when it is executed. The descriptors belong to the agent.
struct AgentLaunch {
    LaunchSpec spec;
    int page_fd = -1;
    int guardian_fd = -1;            // SOCK_SEQPACKET; the socket to the supervisor comes as the first message on it
    std::uint64_t agent_number = 1;  // 1, and one more after each restart
};
Result<AgentLaunch> parse_agent_arguments(const std::vector<std::string>& arguments);

// Looks up a command as execvp(3) would with this PATH. Returns the exit status that a failure stands for: 127 when
// there is no such file, 126 when it is there but may not be executed, 0 when it can.
int command_status(const std::string& command, const std::string& path, std::string& problem);

}  // namespace leasehold::supervisor
