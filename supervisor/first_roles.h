// SPDX-License-Identifier: Apache-2.0
//
// The two children that are there before their parent is a guardian: one reads the configuration and becomes the first
// agent, the other finds out what can be used here and becomes the first supervisor. Neither is executed for it, which
// is what makes a start quick; those after them are.
//
// Both end by themselves when the parent's ends of their sockets are closed. To be called by a process of one thread.
#pragma once

#include <functional>

#include "supervisor/containment.h"
#include "supervisor/launch_internal.h"
#include "supervisor/role_process.h"
#include "supervisor/shared_page.h"

namespace leasehold::supervisor {

// What the first agent is to be.
struct FirstAgent {
    Preparation prepare;
    std::function<int(AgentLaunch)> go_on;
};

// Each in the child, after the fork; returns its exit status. `socket` is its end of the one to the parent.
//
// The agent: prepares, hands over, and goes on. It reads what the supervisor finds from `trial`. Where the workload's
// output is captured it waits to be told by what; nothing else is waited for.
int be_first_agent(UniqueFd socket, UniqueFd trial, const SharedPage& page, Channel guardian, const FirstAgent& agent);

// The supervisor: writes to `trial` whether cgroups can be used here, and waits to be told the description.
int be_first_supervisor(UniqueFd socket, UniqueFd trial, const SharedPage& page, Channel guardian, RoleSession session);

// Of the parent: what the agent handed over, with the numbers that its descriptors have here. Nothing when it ended
// without that. Waits for it.
Result<std::optional<LaunchSpec>> take_over(int socket);

}  // namespace leasehold::supervisor
