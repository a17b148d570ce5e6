// SPDX-License-Identifier: Apache-2.0
//
// One candidate: guardian, supervisor, agent and workload of one machine, with the real election core and the real term
// machine inside, and models of the processes around them. What the models do is what docs/architecture.md says of the
// real processes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "supervisor/pulse.h"
#include "supervisor/term_machine.h"
#include "tests/sim/clocks.h"
#include "tests/sim/context.h"
#include "tests/sim/fake_register.h"
#include "tests/sim/process.h"
#include "tests/sim/subject.h"
#include "tests/sim/tree.h"

namespace leasehold::sim {

class Candidate;
class Checkers;

// The memory that the three processes share.
struct Page {
    supervisor::TermGrant grant;
    std::uint64_t last_version = 0;
    supervisor::Term closed_through = 0;
    bool populated = false;
    std::uint64_t beats = 0;  // of the agent

    void publish(const supervisor::TermGrant& next);
};

// Performs the election core's commands.
class Agent {
public:
    explicit Agent(Candidate& home);

    void launch();  // a new process; its election begins with the supervisor's HELLO
    void crash();
    void ask_to_stop();
    void ask_to_resign(const std::string& successor);

    // From supervisor and guardian.
    void hear_hello(supervisor::Term closed_through, bool stopping);
    void hear_empty(supervisor::Term term);
    void hear_pong(std::uint64_t number);
    // The connection to the supervisor process of this life begins, and ends.
    void connect_supervisor(std::uint64_t life);
    void lose_supervisor(std::uint64_t life);
    void lose_guardian();

    Process& process() { return process_; }
    const election::Election* election() const { return core_ ? &core_->election() : nullptr; }
    bool finished() const { return finished_; }

private:
    void step(const election::Event& event);
    void perform(const election::DoRead& command);
    void perform(const election::DoWrite& command);
    void perform(const election::Grant& command);
    void perform(const election::Revoke& command);
    void perform(const election::Finished& command);
    void perform(const election::Note& command);
    void forward_grant();
    void forward_revoke();
    void open_watch();
    void beat();
    bool silence() const;
    void leave_unreleased();
    void check_repeated_ticks();

    Candidate& home_;
    Context& context_;
    Process process_;
    Rhythm beats_;
    Channel to_supervisor_;
    Channel to_guardian_;
    std::unique_ptr<Core> core_;
    std::uint64_t number_ = 0;  // which agent of this incarnation
    bool stop_asked_ = false;
    bool finished_ = false;
    bool guardian_gone_ = false;
    std::optional<std::uint64_t> connected_;  // to the supervisor of this life
    supervisor::Pulse pulse_;                 // of the supervisor
    bool complained_ = false;
    std::optional<election::RequestId> read_;
    std::optional<election::RequestId> write_;
    std::optional<election::Grant> grant_;
    std::optional<election::Revoke> revoke_;
    TrueTime repeated_at_{};
    int repeated_ = 0;
};

// Performs the term machine's actions.
class Supervisor {
public:
    explicit Supervisor(Candidate& home);

    void launch(supervisor::Term closed_through);
    void crash();

    // From the agent; in this process.
    void hear_ping(std::uint64_t number);
    void hear_new_agent();
    void hear_grant(const supervisor::TermGrant& grant);
    void hear_revoke(supervisor::Term term, supervisor::StopMode mode);
    void hear_restart();
    void hear_pause(bool paused);
    // From the guardian, or because it is gone.
    void hear_stop(supervisor::StopMode mode);

    void main_exited();
    void tree_gone();
    void leftover_gone();
    void clock_changed();
    void thawed();                                                         // together with the whole candidate
    void stop_before_next_start(bool stop) { stop_before_start_ = stop; }  // SIGSTOP between decision and fork
    bool stopped_before_start() const { return held_start_; }
    // Neither gone nor stopped nor about to be.
    bool sound() const { return process_.running() && !stop_before_start_; }

    Process& process() { return process_; }

private:
    void perform(const supervisor::Actions& actions);
    void keep_deadlines();
    void start();
    void start_what_was_held();
    void execute();
    void run_hook(supervisor::Hook hook);
    void end_hook(supervisor::Hook hook, std::uint64_t number, bool passed);
    void become_ready();
    void arm_dead_man();
    void schedule_dead_man();
    void be_killed_by_dead_man();
    Instant now() const;

    Candidate& home_;
    Context& context_;
    Process process_;
    Channel to_agent_;
    std::optional<supervisor::TermMachine> machine_;
    std::uint64_t hooks_ = 0;              // so many were executed
    bool waiting_ = false;                 // for a leftover to die
    std::optional<Duration> dead_man_at_;  // on BOOTTIME: when the kernel kills this process
    std::uint64_t dead_man_plan_ = 0;
    bool stop_before_start_ = false;
    bool held_start_ = false;
};

// Enforces the hard instant by itself, restarts the others, empties what a dead supervisor left.
class Guardian {
public:
    explicit Guardian(Candidate& home);

    void launch();
    void crash();
    void ask_to_stop();  // SIGTERM to leasehold

    void page_published();
    void hear_of_silence();  // the supervisor's, from the agent
    void agent_died();
    void supervisor_died();
    void tree_gone();  // while there is no supervisor
    bool stopping() const { return stopping_; }
    std::uint64_t next_agent_number() { return ++agents_; }

    Process& process() { return process_; }

private:
    void look();
    Duration enforce_hard_instant(Instant at);
    void listen_for_the_agent(Instant at);
    Duration recheck() const;
    void empty_out();
    void closed_out();

    Candidate& home_;
    Context& context_;
    Process process_;
    Channel to_supervisor_;
    Channel to_agent_;
    bool stopping_ = false;
    bool emptying_ = false;
    std::uint64_t agents_ = 0;  // of this incarnation so far
    std::optional<Instant> overdue_since_;
    std::uint64_t last_beats_ = 0;
    Duration silent_for_{};
    Instant last_look_;
};

class Candidate {
public:
    struct Settings {
        int index = 0;
        Instant clocks_at_start;
        std::int64_t boot_ppm = 0;
        std::int64_t raw_ppm = 0;
        std::function<void()> on_down;
    };
    Candidate(Context& context, FakeRegister& store, Checkers& checkers, Settings settings);

    void boot();  // a new incarnation
    void ask_to_stop();
    void crash();           // the machine, and all of it at once
    void lose_processes();  // all three at once, but not the machine
    void freeze(bool suspended);
    void thaw();
    void set_rates(std::int64_t boot_ppm, std::int64_t raw_ppm);
    void down_if_done();

    bool up() const { return up_; }
    bool frozen() const { return frozen_; }
    bool guarded() { return guardian_.process().alive(); }
    bool stopping() const { return guardian_.stopping(); }
    // Frozen between the last look at the clocks before the workload's start and the start.
    bool past_the_last_look() const { return frozen_before_start_; }

    int index() const { return settings_.index; }
    std::string incarnation() const;
    std::string identity() const { return std::string(profile().identity); }
    const CandidateProfile& profile() const {
        return context_.profile.candidates[static_cast<std::size_t>(settings_.index)];
    }
    // As configured now, and the longest lease duration of any configuration since the start.
    const election::Timing& timing() const { return timing_; }
    Duration longest_lease() const { return longest_lease_; }

    // From the next agent on. REQUIRES: the candidate is up.
    void reload(const election::Timing& timing);

    Instant now() const { return clocks_.at(context_.time.now()); }

    Context& context() { return context_; }
    FakeRegister& store() { return store_; }
    Checkers& checkers() { return checkers_; }
    const Clocks& clocks() const { return clocks_; }
    Page& page() { return page_; }
    Tree& tree() { return tree_; }
    Agent& agent() { return agent_; }
    Supervisor& supervisor() { return supervisor_; }
    Guardian& guardian() { return guardian_; }

private:
    Context& context_;
    FakeRegister& store_;
    Checkers& checkers_;
    Settings settings_;
    election::Timing timing_;
    Duration longest_lease_{};
    Clocks clocks_;
    Page page_;
    bool up_ = false;
    bool frozen_ = false;
    bool frozen_before_start_ = false;  // between the decision to start the workload and its start
    std::uint64_t starts_ = 0;
    Tree tree_;
    Agent agent_;
    Supervisor supervisor_;
    Guardian guardian_;
};

}  // namespace leasehold::sim
