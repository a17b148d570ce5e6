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

// In a session of its own, with default signals. Waits for the fork, not for the execution: a role that cannot be
// executed ends with status 127.
Result<RoleProcess> start_role_process(const RoleImage& image);

}  // namespace leasehold::supervisor
