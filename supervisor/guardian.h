// SPDX-License-Identifier: Apache-2.0
//
// The guardian process: PID 1 of a container, or whatever was started by hand. It owns the shared page, starts
// supervisor and agent, restarts whichever of them ends, hands signals on, reaps every orphan, and enforces the hard
// instant by what the page says, without asking anyone. Once it runs, no failed system call ends it.
//
// Signals, all of them blocked and read from a descriptor: supervisor/signal_rules.h says what becomes of each. The
// second one that means an end kills the workload, the third everything. TSTP, TTIN and TTOU do nothing, for a stopped
// guardian guards nothing; only when a shell's job control has stopped the workload, the guardian stops itself until
// SIGCONT, so that the shell gets its terminal back. The deadlines are the supervisor's in that time.
//
// Ends when the agent has finished (exit status 0: the lease is released, or there was nothing to release) and the tree
// is proven empty. Then its exit status is the one the agent gave up with, or the workload's, or 0.
//
// Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "supervisor/backoff.h"
#include "supervisor/containment.h"
#include "supervisor/launch_internal.h"
#include "supervisor/messages.h"
#include "supervisor/output_helper.h"
#include "supervisor/reaper.h"
#include "supervisor/role_process.h"
#include "supervisor/service_manager.h"
#include "supervisor/shared_page.h"
#include "supervisor/signals.h"

namespace leasehold::supervisor {

// "by SIGKILL", "with status 1", of one of the processes.
std::string how(const std::optional<Exit>& exit);

class Guardian {
public:
    // This process must be a subreaper already, and signals taken.
    static Result<std::unique_ptr<Guardian>> create(RoleArguments arguments, FirstRoles first);

    // Returns leasehold's exit status.
    int run();

private:
    // Supervisor or agent, or who reads the configuration anew.
    struct Role {
        explicit Role(const char* its_name) : name(its_name) {}

        const char* name;
        RoleProcess process;
        Channel channel;
        Instant started_at;
        Backoff backoff;
        std::unique_ptr<Timer> restart;
        WaitingRole waiting = {};  // the first one, until it is started

        bool alive() const { return process.pid > 0; }
    };

    Guardian(LaunchSpec spec, UniqueFd spec_fd, std::unique_ptr<SharedPage> page);
    Result<void> prepare();

    void on_signal(int signal, pid_t sender);
    void hand_on(int signal, int handed_on);
    void on_workload_stopped(int signal);
    void suspend(int signal);
    void pass_suspend_key_on();
    void on_supervisor_message(const Message& message);
    void on_agent_message(const Message& message);
    void beat();
    void on_supervisor_ended();
    void on_agent_ended();

    // guardian_reload.cpp
    void reload();
    void on_reloader_message(Received received);
    void on_reloader_ended();
    void adopt(Result<LaunchSpec> next);
    void leave_as_it_is(bool refused, const std::string& why);
    void tell_of_reload();

    struct Started {
        RoleProcess process;
        Channel channel;
    };
    Result<Started> execute_role(Role& role, const char* role_argument, Inherited inherited);
    Result<Started> let_the_waiting_one_go_on(Role& role, Inherited inherited);
    void start_supervisor();
    void start_agent();
    bool start_role(Role& role, const char* role_argument, Inherited inherited);
    Result<void> watch_role(Role& role);
    void forget_unwatched(Role& role, const Error& problem);
    void read_role(Role& role);
    void keep_earlier_children();
    void earlier_child_ended(int pidfd);
    std::vector<pid_t> not_of_the_tree() const;
    bool reap_orphans();
    std::optional<Exit> bury(Role& role);
    void connect_peers();
    void tell(Role& role, const Message& message, int fd = -1);
    void kill_role(Role& role);

    void look_at_page();
    Duration enforce_hard_instant(Instant at);
    void listen_for_the_agent(Instant at);
    void end_what_does_not_end(Instant at);
    void end_a_stop_that_takes_too_long(Instant at);

    void begin_emptying();
    void continue_emptying();
    void kill_again();

    // A workload, or a standby command.
    bool something_runs() const { return page_->populated() || page_->standby_populated(); }
    void on_stop_signal();
    void begin_ending();
    void finish();
    void end_if_nothing_is_left();

    LaunchSpec spec_;
    UniqueFd spec_fd_;
    std::unique_ptr<SharedPage> page_;
    std::unique_ptr<Containment> containment_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<OutputHelper> output_;  // none: the workload's streams are leasehold's own
    std::unique_ptr<SignalSource> signals_;
    std::unique_ptr<Timer> page_timer_;
    std::unique_ptr<Timer> kill_timer_;
    KillRhythm kill_rhythm_;
    ServiceManager service_manager_;
    std::unique_ptr<Timer> heartbeat_;
    std::unique_ptr<Timer> lock_timer_;  // of memory, once
    Role supervisor_{"supervisor"};
    Role agent_{"agent"};
    Role reloader_{"reloader"};
    std::vector<RoleProcess> earlier_children_;  // of the program that leasehold was executed by

    std::uint64_t agent_starts_ = 0;
    std::uint64_t reloads_ = 0;  // that came to an end, one way or the other
    bool reload_decided_ = true;
    bool reload_again_ = false;  // once the one under way has ended, or what stands in the way
    UniqueFd offered_config_;
    struct {
        ReloadOutcomeMessage message;
        UniqueFd text;
    } last_outcome_;  // no text: the running configuration is the last one

    std::uint64_t last_beats_ = 0;
    Duration silent_for_{};  // no beat of the agent during this much of our own time
    Instant last_look_;

    std::optional<Instant> overdue_since_;  // the hard instant has passed and the tree is alive
    std::optional<Instant> quiet_since_;    // ending, and no tree is alive
    bool emptying_ = false;                 // what a dead supervisor left
    Duration supervisor_wait_{};            // before the next one is started, once that is done
    int stop_signals_ = 0;
    Instant asked_to_stop_at_;  // the last time, while ending
    Duration longest_stop_{};   // of earlier configurations: the supervisor may still go by one of them
    bool ending_ = false;       // nothing new is started
    bool finished_ = false;     // the agent has done what it could; only the supervisor is waited for
    int agent_failures_while_ending_ = 0;
    std::optional<int> workload_status_;
    std::optional<int> given_up_status_;
};

}  // namespace leasehold::supervisor
