// SPDX-License-Identifier: Apache-2.0
//
// workload: what is run and how it is stopped. protection: what keeps leasehold itself going under load.
#pragma once

#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "supervisor/hook_options.h"
#include "supervisor/output_options.h"
#include "supervisor/probe_options.h"

namespace leasehold::supervisor {

struct StopOptions {
    int signal = SIGTERM;                              // sent to where signals.to says
    Duration grace_period = std::chrono::seconds(30);  // a maximum: after that SIGKILL to the whole tree
    std::vector<std::string> command{};                // asks it to end instead of the signal; empty: none

    friend bool operator==(const StopOptions&, const StopOptions&) = default;
};

enum class SignalTarget { group, process };

// What becomes of the signals that leasehold receives and hands on (supervisor/signal_rules.h).
struct SignalOptions {
    static constexpr int kDropped = 0;

    SignalTarget to = SignalTarget::group;  // of the workload; also of stop.signal
    std::map<int, int> rewrite;             // received -> handed on, or kDropped

    friend bool operator==(const SignalOptions&, const SignalOptions&) = default;
};

enum class ContainmentChoice { automatic, cgroup, subreaper, pid_namespace };

// PR_SET_NO_NEW_PRIVS for the workload. A leasehold that is not root cannot signal, and so cannot kill, a set-user-ID
// program that the workload executes: then the default is to let such programs gain nothing. Root kills anything, and
// a workload of root's that calls sudo or ping is to find them as they are.
enum class NoNewPrivileges { automatic, yes, no };

enum class RestartWhen { never, on_failure, always };

// What follows when the workload has ended and is not started again (supervisor/restart_policy.h).
enum class AfterTheLast { resign, exit, hold };

struct RestartOptions {
    RestartWhen policy = RestartWhen::never;
    std::vector<int> success_exit_codes{0};  // 128 + n for the signal n
    Duration initial_backoff = std::chrono::seconds(1);
    Duration max_backoff = std::chrono::minutes(1);
    Duration reset_after = std::chrono::minutes(10);
    int give_up_after = 5;  // starts again within `within`; 0: never
    Duration within = std::chrono::minutes(5);
    std::optional<AfterTheLast> then;             // nothing: exit with the policy `never`, resign with the others
    Duration cooldown = std::chrono::minutes(1);  // after resigning, before contending again

    friend bool operator==(const RestartOptions&, const RestartOptions&) = default;
};

// A number for unlimited is ~0, as RLIM_INFINITY.
struct LimitRange {
    std::uint64_t soft = 0, hard = 0;

    friend bool operator==(const LimitRange&, const LimitRange&) = default;
};

// Of the workload's process, by names; resolved they are ProcessAttributes (supervisor/process_attributes.h). What is
// empty stays as leasehold was started with it.
struct ProcessOptions {
    std::string user, group;                                // names or numbers
    std::vector<std::string> supplementary_groups{"auto"};  // auto: those of the user
    std::optional<int> umask;
    std::map<std::string, LimitRange> limits;  // by the names of prlimit(1)
    std::string working_directory;
    std::string env_file;    // NAME=value lines
    bool clear_env = false;  // nothing of leasehold's own environment but PATH and TERM
    std::optional<int> nice;
    std::optional<int> oom_score_adj;

    friend bool operator==(const ProcessOptions&, const ProcessOptions&) = default;
};

struct WorkloadOptions {
    std::vector<std::string> command;          // executed without a shell; [0] is looked up in PATH
    std::vector<std::string> standby_command;  // the same, while this candidate does not lead; empty: none
    std::map<std::string, std::string> env;    // added to, and winning over, the environment of leasehold
    StopOptions stop;
    SignalOptions signals;
    ContainmentChoice containment = ContainmentChoice::automatic;
    NoNewPrivileges no_new_privs = NoNewPrivileges::automatic;
    RestartOptions restart;
    HookOptions hooks;
    ReadyOptions ready;
    ProbeOptions health;
    ProbeOptions candidacy{.interval = std::chrono::seconds(10)};  // contend only while this passes
    ProcessOptions process;
    OutputOptions output;

    friend bool operator==(const WorkloadOptions&, const WorkloadOptions&) = default;
};

enum class SchedulingChoice { automatic, normal };
enum class MemoryLocking { automatic, off };

// What each of these does, and why these are the defaults: supervisor/protection.h. The workload sees none of it.
struct ProtectionOptions {
    SchedulingChoice scheduling = SchedulingChoice::automatic;
    int oom_score_adj = -900;  // -1000 to 1000; a lower one that leasehold was started with is kept
    MemoryLocking lock_memory = MemoryLocking::automatic;

    friend bool operator==(const ProtectionOptions&, const ProtectionOptions&) = default;
};

}  // namespace leasehold::supervisor
