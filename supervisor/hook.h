// SPDX-License-Identifier: Apache-2.0
//
// The commands that are executed at the turns of a term (supervisor/hook_options.h), and workload.stop.command, which
// is executed like them: which ones there are, and how one ended.
//
// Plain values: no I/O, no clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "supervisor/options.h"

namespace leasehold::supervisor {

enum class Hook : std::uint32_t { before_start, after_start, before_stop, stop_command, after_stop };

struct HookOutcome {
    enum class Kind : std::uint32_t {
        began,
        passed,     // status 0
        failed,     // `detail`: the exit status, 128 + signal
        timed_out,  // and was killed
        unusable,   // `detail`: the exit status that this stands for, 126 or 127
        too_late,   // a deadline passed before it was executed
    };
    Kind kind = Kind::began;
    int detail = 0;
};

// Those that a configuration has, of which the term machine has to know.
struct HookPlan {
    bool before_start = false, after_start = false, before_stop = false, after_stop = false;
    Duration timeout{};  // of each of these
};

// By which a hook counts as failed: not one for which a deadline left no time.
bool is_failure(const HookOutcome& outcome);

const char* name_of(Hook hook);  // "before_start", ..., "stop": what LEASEHOLD_HOOK says
const char* key_of(Hook hook);   // where it stands in the configuration
const std::vector<std::string>& command_of(const WorkloadOptions& workload, Hook hook);
HookPlan plan_of(const HookOptions& hooks);

// "workload.hooks.before_start ended with status 3".
std::string describe(Hook hook, const HookOutcome& outcome);

// How long a stop may take that nothing hurries: the grace period, then workload.hooks.after_stop.
Duration longest_stop(const WorkloadOptions& workload);

}  // namespace leasehold::supervisor
