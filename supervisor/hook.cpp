// SPDX-License-Identifier: Apache-2.0
#include "supervisor/hook.h"

namespace leasehold::supervisor {

bool is_failure(const HookOutcome& outcome) {
    using Kind = HookOutcome::Kind;
    return outcome.kind == Kind::failed || outcome.kind == Kind::timed_out || outcome.kind == Kind::unusable;
}

const char* name_of(Hook hook) {
    switch (hook) {
        case Hook::before_start: return "before_start";
        case Hook::after_start: return "after_start";
        case Hook::before_stop: return "before_stop";
        case Hook::stop_command: return "stop";
        case Hook::after_stop: break;
    }
    return "after_stop";
}

const char* key_of(Hook hook) {
    switch (hook) {
        case Hook::before_start: return "workload.hooks.before_start";
        case Hook::after_start: return "workload.hooks.after_start";
        case Hook::before_stop: return "workload.hooks.before_stop";
        case Hook::stop_command: return "workload.stop.command";
        case Hook::after_stop: break;
    }
    return "workload.hooks.after_stop";
}

const std::vector<std::string>& command_of(const WorkloadOptions& workload, Hook hook) {
    switch (hook) {
        case Hook::before_start: return workload.hooks.before_start;
        case Hook::after_start: return workload.hooks.after_start;
        case Hook::before_stop: return workload.hooks.before_stop;
        case Hook::stop_command: return workload.stop.command;
        case Hook::after_stop: break;
    }
    return workload.hooks.after_stop;
}

HookPlan plan_of(const HookOptions& hooks) {
    return {!hooks.before_start.empty(), !hooks.after_start.empty(), !hooks.before_stop.empty(),
            !hooks.after_stop.empty(), hooks.timeout};
}

std::string describe(Hook hook, const HookOutcome& outcome) {
    const std::string key = key_of(hook);
    switch (outcome.kind) {
        case HookOutcome::Kind::began: return key + " is executed";
        case HookOutcome::Kind::passed: return key + " has ended well";
        case HookOutcome::Kind::failed: return key + " ended with status " + std::to_string(outcome.detail);
        case HookOutcome::Kind::timed_out: return key + " did not end in time and was killed";
        case HookOutcome::Kind::unusable: return key + " cannot be executed";
        case HookOutcome::Kind::too_late: break;
    }
    return key + " was not executed, because the lease had no time left for it";
}

Duration longest_stop(const WorkloadOptions& workload) {
    return workload.stop.grace_period + (workload.hooks.after_stop.empty() ? Duration(0) : workload.hooks.timeout);
}

}  // namespace leasehold::supervisor
