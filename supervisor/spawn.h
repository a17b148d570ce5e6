// SPDX-License-Identifier: Apache-2.0
//
// Starting the workload as it would start under a good init: a process group of its own, default signal dispositions,
// nothing blocked, no descriptor above standard error, standard streams untouched.
//
// Threads: call from the main thread only (PR_SET_PDEATHSIG fires when the creating thread ends). spawn() does not wait
// for the execution, which may take long (a program file on a slow network file system).
#pragma once

#include <map>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "supervisor/command.h"
#include "supervisor/containment.h"
#include "supervisor/launch.h"
#include "supervisor/term_machine.h"

namespace leasehold::supervisor {

// The environment of the workload, as "NAME=value" lines: ours (of a clear one PATH and TERM), workload.env, which has
// everything else that was configured, and `told`, what leasehold tells it of the term.
std::vector<std::string> environment_of(const WorkloadOptions& workload,
                                        const std::map<std::string, std::string>& told = {});
std::map<std::string, std::string> told_in(const LaunchSpec& spec, const TermGrant& grant);
std::map<std::string, std::string> told_as_standby(const LaunchSpec& spec);

struct Spawned {
    pid_t pid = -1;     // of the process, and of its group
    UniqueFd progress;  // becomes readable when the outcome is known
};

// How the start went on in the new process.
struct SpawnOutcome {
    enum class Kind : std::uint32_t {
        executed,  // (or killed before it could say anything)
        late,      // the soft instant passed before the execution: nothing was executed
        orphaned,  // the supervisor ended meanwhile: nothing was executed
        failed,    // `problem` is the errno
        altered,   // it could not be made as leasehold was started (`problem`): nothing was executed
        unlike,    // it could not be made as it is wanted (`step`, `problem`): nothing was executed
    };
    Kind kind = Kind::executed;
    int problem = 0;
    AttributeStep step = AttributeStep::none;
};

struct SpawnSettings {
    Inheritance give_back;
    const ProcessAttributes* attributes = nullptr;  // nothing: as leasehold was started
    bool no_new_privs = false;
    bool foreground = false;  // of the terminal on standard input: the workload's group, before it executes anything
    Purpose purpose = Purpose::term;
    bool beside = false;  // into the tree that there is, rather than as the first process of a new one
    int streams = -1;     // in the place of standard input, output and error; -1: those of the supervisor
    int input = -1;       // in the place of standard input; -1: as `streams` says
    int output = -1;      // in the place of standard output, and of standard error; -1: as `streams` says
    int errors = -1;
};

// Right before it executes anything, the new process looks at both clocks once more: from `soft` on it does not.
Result<Spawned> spawn(const Executable& executable, Containment& containment, Instant soft,
                      const SpawnSettings& settings = {});

// Nothing while it is not known yet.
std::optional<SpawnOutcome> outcome_of(const Spawned& spawned);

}  // namespace leasehold::supervisor
