// SPDX-License-Identifier: Apache-2.0
//
// The supervisor process: performs what the term machine decides. It starts the workload, signals it, reaps everything
// below it, and answers the agent (HELLO, STARTED, EXITED, STOPPING, KILLED, PAUSED, HOOK, EMPTY) and the guardian
// (WorkloadEnded). While no term runs, it executes what a standby is to (supervisor/standby_machine.h).
//
// Every signal is blocked and read from a descriptor. The ones meant for the workload come from the guardian as
// messages; one sent to this process itself (a kill by hand) is logged and ignored, because stopping the supervisor is
// not how leasehold is stopped: signal the guardian.
//
// Before anything else is looked at after a wait, the deadlines are: whoever wakes up after a long stop kills first.
//
// Ends only when its guardian is gone, or has closed the socket, and the tree is proven empty.
//
// Threads: one. Nothing blocks but the fork itself.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include <unistd.h>

#include "base/event_loop.h"
#include "supervisor/backoff.h"
#include "supervisor/containment.h"
#include "supervisor/dead_man_timer.h"
#include "supervisor/exec_probe.h"
#include "supervisor/grouped_command.h"
#include "supervisor/launch_internal.h"
#include "supervisor/messages.h"
#include "supervisor/reaper.h"
#include "supervisor/shared_page.h"
#include "supervisor/signals.h"
#include "supervisor/spawn.h"
#include "supervisor/standby_tree.h"
#include "supervisor/term_machine.h"
#include "supervisor/terminal.h"

namespace leasehold::supervisor {

// Of a workload whose output is captured (supervisor/output_helper.h); none of them otherwise.
struct CapturedStreams {
    UniqueFd output, errors;  // what is written there is captured
    UniqueFd tree_ended;      // an eventfd, for the helper
};

// One tree: from its start to the proof that nothing is left of it, nor of what an earlier run left on this machine.
struct Tree {
    TermGrant grant;
    bool waiting = true;  // for leftovers, or the standby tree, to die; nothing is forked yet
    Spawned spawned;
    pid_t main = -1;         // the workload's own process, which is also its process group; -1 once it was reaped
    bool prepared = false;   // a before_start has begun it
    bool working = false;    // the workload was, or is about to be, executed, and the tree was not empty since
    bool over = false;       // the workload has ended, or cannot be executed
    bool finishing = false;  // after_stop
    bool let_go = false;     // what is left may go on to live, and the containment was told so
    std::optional<SpawnOutcome> outcome;
    std::optional<Instant> executed_at;
    bool ready = false;               // the workload was, once; without workload.ready since it was executed
    std::optional<Instant> asked_at;  // when it was first asked to stop, or killed
    std::optional<int> status;        // the workload's exit status, once it ended or could not be executed
};

class Supervisor {
public:
    // This process must be a subreaper already.
    static Result<std::unique_ptr<Supervisor>> create(RoleArguments arguments);

    // Returns the exit status.
    int run();

private:
    Supervisor(LaunchSpec spec, std::unique_ptr<SharedPage> page, Channel guardian, CapturedStreams captured);
    Result<void> prepare();

    void on_signal(const signalfd_siginfo& info);
    void on_guardian();
    void on_agent();
    void from_guardian(Received received);
    void from_agent(const Message& message);
    void restart_workload(Term term);
    void change_to(Result<LaunchSpec> next);
    void take_the_next_spec();
    void give_streams_away() const;
    void on_progress();
    void on_deadline();
    void keep_deadlines();
    void on_children();
    void note_end(const Exit& exit);
    void on_kill_again();
    void say_that_it_resists();
    void guardian_is_gone();

    void perform(const Actions& actions);
    void start_workload(const TermGrant& grant);
    void begin_tree(const TermGrant& grant);
    void start_when_clear();
    SpawnSettings as_configured() const;
    Result<int> nowhere();
    void spawn_workload();
    void watch_containment();
    void say_stopping();
    void ask_to_stop();
    void send_stop_signal(bool to_main);
    void kill_tree();
    Sweep sweep_now() const;
    void kill_pass(pid_t main, Sweep sweep);
    void report_empty(Term term);
    void report_pause(const ReportPause& pause);
    void end_of_work(bool resign);

    Result<void> prepare_hooks();
    void run_hook(const RunHook& wanted);
    void spawn_hook(Hook which);
    Result<Spawned> try_hook(Hook which);
    std::map<std::string, std::string> told_to(Hook which) const;
    bool hook_runs() const { return hook_.has_value() && hook_->command.alive(); }
    void kill_hook(const KillHook& wanted);
    void say_what_took_the_grace_period(Hook which);
    void on_unusable_hook();
    struct HookEnd {
        Hook which = Hook::before_start;
        HookOutcome outcome;
        bool passed() const { return outcome.kind == HookOutcome::Kind::passed; }
    };
    std::optional<HookEnd> hook_reaped(const Exit& exit);
    void note_hook_end(const HookEnd& end);
    void follow(const std::optional<Exit>& ended, const std::optional<HookEnd>& hook_end, bool none_left);
    static void log_hook_end(const std::optional<HookEnd>& end);
    void let_tree_end();

    Result<void> prepare_probes();
    void change_probe(Probed what, const ProbeOptions& wanted);
    const ProbeOptions& options_of(Probed what) const;
    Result<Spawned> spawn_probe(Probed what);
    bool may_probe(Instant at) const;
    void begin_probe(Probed what);
    void on_probe_timer();
    void mind_probes();
    void heard(Probed what, const ExecOutcome& outcome);
    void executed();
    void workload_is_ready();
    bool is_running(Term term, std::int64_t pid) const;
    void unhealthy(const UnhealthyMessage& sick);

    // supervisor_standby.cpp: what is executed while no term runs.
    Result<void> prepare_standby();
    void hear_standing(const StandingMessage& standing);
    void welcome_agent_to_standby();
    void change_candidacy(const ProbeOptions& wanted);
    Result<Spawned> spawn_leader_hook(const std::string& leader);
    StandbyMachine::Want wanted_of_standby() const;
    void mind_standby();
    void start_standby();
    void learn_standby_outcome();
    void ask_standby_to_stop();
    void kill_standby();
    void standby_child_ended(const Exit& ended);
    void standby_main_ended(const Exit& ended);
    void look_whether_standby_is_gone(bool none_left);
    void on_standby_timer();
    void arm_standby_timer(Instant at);
    void tell_of_standby();
    HelperPlace place_for_helpers(Instant at) const;
    Result<Spawned> spawn_helper(const std::vector<std::string>& command,
                                 const std::map<std::string, std::string>& told);
    void withdraw_helpers(Instant at);
    void mind_helpers(Instant at);
    void heard_candidacy(const ExecOutcome& outcome);

    void learn_outcome();
    void main_exited(bool by_signal);
    void tree_is_empty();
    void tree_is_over(const Tree& tree, Instant at);
    pid_t main_in_charge() const;  // the process that stands for leasehold: the workload, or the standby command
    void signal_workload(int signal);
    void notice_job_control();
    bool wake_guardian();
    void tell_agent(const Message& message);
    void listen_to_agent();
    void send_unsent();
    void tell_guardian(const Message& message);
    void settle();  // after every event: timers, and whether it is time to end
    void arm_dead_man();

    LaunchSpec spec_;
    std::optional<LaunchSpec> next_spec_;  // of a reload; counts from the next start of the workload on
    CapturedStreams captured_;
    Terminal terminal_ = Terminal::of_parent();
    const pid_t guardian_pid_ = getppid();
    bool main_is_stopped_ = false;  // by job control
    int suspensions_ = 0;           // of the guardian, which it was asked for and has not said to be over
    std::unique_ptr<SharedPage> page_;
    Channel guardian_;
    Channel agent_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<SignalSource> signals_;
    std::unique_ptr<Containment> containment_;
    std::unique_ptr<DeadManTimer> dead_man_;
    std::unique_ptr<Timer> deadline_;
    std::unique_ptr<Timer> kill_again_;
    std::unique_ptr<Timer> probe_timer_;
    std::map<Probed, ExecProbe> probes_;  // those that are given as commands
    UniqueFd nowhere_;                    // their standard streams, and what hooks read
    struct RunningHook {
        Hook which = Hook::before_start;
        std::string name;  // of what is executed
        GroupedCommand command;
    };
    std::optional<RunningHook> hook_;
    std::unique_ptr<Timer> unusable_hook_;  // that hook_ could not be forked is for a later turn to say
    bool unprepared_ = false;               // before_start has failed since the last one began
    KillRhythm kill_rhythm_;
    TermMachine machine_;
    std::optional<Tree> tree_;
    std::optional<Term> nothing_is_left_for_;  // of earlier runs, found out at this agent's PrepareMessage of the term
    StandbyTree standby_;
    EmptyMessage last_empty_;
    std::optional<int> last_status_;  // of the workload, when it last ended in this term
    Term status_term_ = 0;
    bool stop_requested_ = false;  // by the guardian: the workload's status is leasehold's
    std::deque<Message> unsent_;   // to the agent, whose queue was full
};

}  // namespace leasehold::supervisor
