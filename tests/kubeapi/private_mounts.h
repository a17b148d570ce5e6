// SPDX-License-Identifier: Apache-2.0
//
// Candidates that see other files than this machine's: in a mount namespace of their own, which takes root.
#pragma once

#include <string>
#include <vector>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace leasehold::servers {

// Whether it is permitted here; tried in a child.
inline bool may_have_private_mounts() {
    const pid_t child = fork();
    if (child == 0) _exit(unshare(CLONE_NEWNS) == 0 ? 0 : 1);
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

// For Candidate::Options::launcher: `script` of sh(1) mounts what is wanted, for the candidate only.
inline std::vector<std::string> with_private_mounts(const std::string& script) {
    return {"unshare", "--mount", "sh", "-ec", script + "\nexec \"$@\"", "sh"};
}

}  // namespace leasehold::servers
