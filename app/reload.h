// SPDX-License-Identifier: Apache-2.0
//
// The reloader: a process of its own, executed by the guardian, that reads the configuration anew and ends. It may
// block (a file on a network, users in a directory), and it may fail; what runs goes on with what it has until the
// reloader has said that all is well.
//
// What can change does: what the agent does at once (a new agent takes over), the stop, the restart policy, the probes
// and the log at once, what the workload is made of with its next start. What stands since the start (kFixed) stays as
// it is and is named. A file for another lock, or for another candidate, is refused as a whole: it is not this
// election's.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/options.h"
#include "supervisor/launch.h"

namespace leasehold::app {

// What changes, and what cannot, in words for people; nothing when nothing is different.
struct Changes {
    config::Options options;  // to go on with
    std::string text;
};

// Pure. Fails with the reason when the new one cannot take the place of the accepted one.
Result<Changes> settle_changes(const config::Options& accepted, config::Options wanted);

// The main function of the role; `arguments` is everything after the role argument.
int reloader_main(const std::vector<std::string>& arguments);

}  // namespace leasehold::app
