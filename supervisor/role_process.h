// SPDX-License-Identifier: Apache-2.0
//
// Starts supervisor and agent from the guardian.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/launch_internal.h"

namespace leasehold::supervisor {

struct RoleProcess {
    pid_t pid = -1;
    UniqueFd pidfd;
};

// The guardian's session has a terminal to hand to the workload, which only a process of the same session can.
enum class RoleSession { own, of_guardian };

// Which of them the supervisor is to have, told by the process that is, or is to be, the guardian.
RoleSession session_of_supervisor();

// Of the calling process. Async-signal-safe.
void begin_session(RoleSession session);

// In a session of its own, or in a process group of its own in the guardian's; with default signals. Waits for the
// fork, not for the execution: a role that cannot be executed ends with status 127.
Result<RoleProcess> start_role_process(const RoleImage& image, RoleSession session = RoleSession::own);

}  // namespace leasehold::supervisor
