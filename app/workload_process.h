// SPDX-License-Identifier: Apache-2.0
//
// Who the workload is to be, looked up once at start: users and groups in the machine's databases, the environment
// file, and whether this process may do all that. May block (the databases may be on a network), so before anything is
// started.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "supervisor/options.h"
#include "supervisor/process_attributes.h"

namespace leasehold::app {

struct WorkloadProcess {
    supervisor::ProcessAttributes attributes;
    std::map<std::string, std::string> env;  // all but what is inherited: of the user, of the file, and workload.env
};

// The errors name the key, and what to do. Nothing is tried yet.
Result<WorkloadProcess> look_up(const supervisor::WorkloadOptions& workload);

// The variables of such a file: NAME=value lines, taken as they are. Blank lines and those that begin with # say
// nothing. The errors begin with the number of the line.
Result<std::map<std::string, std::string>> variables_in(const std::string& text);

}  // namespace leasehold::app
