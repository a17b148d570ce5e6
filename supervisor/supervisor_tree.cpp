// SPDX-License-Identifier: Apache-2.0
//
// What the supervisor does with the workload's tree: the term machine's actions.
#include <csignal>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/process_tree.h"
#include "supervisor/supervisor.h"

namespace leasehold::supervisor {
namespace {

constexpr int kCannotExecute = 126;

double seconds(Duration length) { return std::chrono::duration<double>(length).count(); }

}  // namespace

void Supervisor::perform(const Actions& actions) {
    std::optional<HookEnd> late;
    for (const Action& action : actions) {
        if (const auto* start_it = std::get_if<StartWorkload>(&action)) {
            start_workload(start_it->grant);
        } else if (const auto* run = std::get_if<RunHook>(&action)) {
            run_hook(*run);
        } else if (const auto* drop = std::get_if<KillHook>(&action)) {
            kill_hook(*drop);
            if (drop->late) late = HookEnd{drop->hook, {HookOutcome::Kind::timed_out, 0}};
        } else if (const auto* empty = std::get_if<ReportEmpty>(&action)) {
            report_empty(empty->term);
        } else if (const auto* pause = std::get_if<ReportPause>(&action)) {
            report_pause(*pause);
        } else if (const auto* end = std::get_if<EndOfWork>(&action)) {
            end_of_work(end->resign);
        } else if (std::holds_alternative<AskToStop>(action)) {
            ask_to_stop();
        } else {
            kill_tree();
        }
    }
    log_hook_end(late);
}

void Supervisor::start_workload(const TermGrant& grant) {
    if (!tree_) return begin_tree(grant);
    spawn_workload();  // in the tree that a before_start has begun
}

void Supervisor::begin_tree(const TermGrant& grant) {
    unprepared_ = false;
    page_->set_populated(true);  // before anything can be alive
    tell_guardian(StartedMessage{grant.term, 0});
    tree_.emplace();
    tree_->grant = grant;
    if (std::exchange(status_term_, grant.term) != grant.term) last_status_.reset();
    kill_rhythm_.restart();
    start_when_clear();
}

// A tree that an earlier run left on this machine is a tree of this election too. While it lives nothing is started,
// and the term is not over either. But past the hard instant it is not for us to say who may run here.
//
// The search may have been made while the write that began the term was under way (PrepareMessage). The write has only
// been applied because the record was still the one whose holder had released it, or had run out of time, or still the
// absence that was seen: nobody can have begun a term, and started a workload, in between.
void Supervisor::start_when_clear() {
    if (reached_on_any_clock(machine_.grant().hard, now())) return tree_is_empty();
    const bool looked = std::exchange(nothing_is_left_for_, std::nullopt) == machine_.term();
    const Leftovers left = looked ? Leftovers::none : containment_->clear_leftovers();
    if (left == Leftovers::alive || (left == Leftovers::doomed && !kill_rhythm_.patience_is_over())) {
        kill_again_->arm_in(kill_rhythm_.next());
        return;
    }
    if (left == Leftovers::doomed) log::warn("what an earlier run left is frozen or stuck, and dies when it goes on");
    const bool prepares = machine_.phase() == TermMachine::Phase::preparing;
    if (!prepares && machine_.phase() != TermMachine::Phase::running) return tree_is_empty();
    kill_again_->disarm();
    if (standby_.machine.alive()) return;  // it is asked to go, and its end is heard
    tree_->waiting = false;
    tree_->prepared = prepares;
    prepares ? spawn_hook(Hook::before_start) : spawn_workload();
}

// What all that is executed here has in common: the workload, and whatever is to see the machine as it does.
SpawnSettings Supervisor::as_configured() const {
    return {.give_back = what_to_give_back(spec_.inheritance),
            .attributes = &spec_.attributes,
            .no_new_privs = wanted_here(spec_.workload.no_new_privs)};
}

void Supervisor::spawn_workload() {
    const TermGrant& grant = tree_->grant;
    tree_->working = true;
    const Executable executable(spec_.workload.command, environment_of(spec_.workload, told_in(spec_, grant)));
    arm_dead_man();  // before there is anything to guard
    SpawnSettings settings = as_configured();
    settings.foreground = terminal_.is_at_home();
    settings.beside = tree_->prepared;
    settings.output = captured_.output.get();
    settings.errors = captured_.errors.get();
    // The term may have been extended since, while it waited.
    auto spawned = spawn(executable, *containment_, machine_.grant().soft, settings);
    if (!spawned) {
        log::error("the workload cannot be started: {}", spawned.error().message);
        tree_->status = kCannotExecute;
        tree_->over = true;
        main_exited(false);
        kill_again_->arm_in(Duration(0));  // nothing is left, which is for a later turn to say
        return;
    }
    tree_->spawned = std::move(*spawned);
    tree_->main = tree_->spawned.pid;
    auto watched = loop_->watch(tree_->spawned.progress.get(), EPOLLIN, [this](std::uint32_t) { on_progress(); });
    if (!watched) log::error("cannot watch the start of the workload: {}", watched.error().message);
    watch_containment();
}

void Supervisor::watch_containment() {
    if (containment_->changes_fd() < 0) return;
    auto watched = loop_->watch(containment_->changes_fd(), EPOLLIN, [this](std::uint32_t) { on_children(); });
    if (!watched) log::error("cannot watch the cgroup: {}", watched.error().message);
}

void Supervisor::learn_outcome() {
    if (!tree_ || tree_->outcome || !tree_->spawned.progress) return;
    tree_->outcome = outcome_of(tree_->spawned);
    if (!tree_->outcome) return;
    loop_->unwatch(tree_->spawned.progress.get());
    tree_->spawned.progress.reset();
    switch (tree_->outcome->kind) {
        case SpawnOutcome::Kind::executed:
            log::info("workload started in term {}: process {}", tree_->grant.term, tree_->spawned.pid);
            tell_agent(StartedMessage{tree_->grant.term, tree_->spawned.pid});
            executed();
            break;
        case SpawnOutcome::Kind::failed: {
            std::string sentence;
            const std::string path = path_of(environment_of(spec_.workload));
            tree_->status = status_of_failure(spec_.workload.command.front(), path, tree_->outcome->problem, sentence);
            log::error("{}", sentence);
            break;
        }
        case SpawnOutcome::Kind::altered:
            tree_->status = kCannotExecute;
            log::error(
                "the workload cannot get back the oom_score_adj that leasehold was started with: {}; it was not "
                "executed. protection.oom_score_adj: 1000 leaves the score alone",
                std::generic_category().message(tree_->outcome->problem));
            break;
        case SpawnOutcome::Kind::unlike:
            tree_->status = kCannotExecute;
            log::error("{}", explain(spec_.attributes, {tree_->outcome->step, tree_->outcome->problem}));
            break;
        case SpawnOutcome::Kind::late:
        case SpawnOutcome::Kind::orphaned:
            log::warn("term {}: the soft instant passed while the workload was being started; it was not executed",
                      tree_->grant.term);
            break;
    }
}

// Signals first, words later: a log on a disk that hangs must not hold a signal up.
void Supervisor::ask_to_stop() {
    if (!tree_ || tree_->waiting) return;
    send_stop_signal(tree_->main > 0);
    say_stopping();
    log::info("asking {} to stop: {}", tree_->main > 0 ? "the workload" : "what the workload left behind",
              signal_name(spec_.workload.stop.signal));
}

// To the main process, as workload.signals.to says, or without one to all that is left.
void Supervisor::send_stop_signal(bool to_main) {
    for (const int signal : {spec_.workload.stop.signal, SIGCONT}) {  // what is stopped could not obey
        to_main ? signal_workload(signal) : containment_->signal_all(signal);
    }
}

void Supervisor::say_stopping() {
    if (tree_->asked_at) return;
    tree_->asked_at = now();
    tell_agent(StoppingMessage{tree_->grant.term});
}

void Supervisor::kill_tree() {
    const auto hook = std::exchange(hook_, std::nullopt);
    if (!tree_ || tree_->waiting) return;
    kill_rhythm_.restart();
    kill_pass(tree_->main, sweep_now());
    if (hook) say_what_took_the_grace_period(hook->which);
    if (!tree_->asked_at) tree_->asked_at = now();
    kill_again_->arm_in(kill_rhythm_.next());
    const double left = seconds(left_on_any_clock(machine_.grant().hard, now()));
    if (!tree_->working) {
        return log::info("killing what is left of hooks (term {}; {:.3f} s to the hard instant)", tree_->grant.term,
                         left);
    }
    tell_agent(KilledMessage{tree_->grant.term});
    log::warn("killing the workload's tree (term {}; {:.3f} s to the hard instant)", tree_->grant.term, left);
}

// Whoever is outside of a cgroup or a namespace has to be dead in time too.
Sweep Supervisor::sweep_now() const {
    const bool time_enough = left_on_any_clock(machine_.grant().hard, now()) > spec_.kill_allowance / 2;
    const bool can_wait = time_enough && !machine_.kills_at_all_costs();
    return can_wait && kill_rhythm_.is_young() ? Sweep::inside_first : Sweep::everywhere;
}

// The tree's own process and its group need no search, and are ours until they are reaped.
void Supervisor::kill_pass(pid_t main, Sweep sweep) {
    if (main > 0) {
        kill(-main, SIGKILL);
        kill(main, SIGKILL);
    }
    const Instant began = now();
    containment_->kill_pass(getpid(), {}, sweep);
    kill_rhythm_.passed(began, now());
}

void Supervisor::on_kill_again() {
    on_children();  // reaps, and kills whatever is left
    if (!tree_) return;
    if (!tree_->waiting) {
        // A start that failed halfway has no process of its own whose end would tell.
        if (machine_.phase() == TermMachine::Phase::running && tree_->main < 0) {
            perform(machine_.on_main_exited(now(), tree_->status.value_or(kCannotExecute)));
            return settle();
        }
        if (machine_.phase() != TermMachine::Phase::killing) return;
        kill_again_->arm_in(kill_rhythm_.next());
    }
    if (kill_rhythm_.resists()) say_that_it_resists();
}

void Supervisor::say_that_it_resists() {
    tell_agent(ResistsMessage{tree_->grant.term});
    log::error(
        "something of {} cannot be killed (uninterruptible sleep, or a process that leasehold may not signal); "
        "the lease is not released over it; trying on{}",
        tree_->waiting ? "an earlier run's tree" : "the workload's tree",
        tree_->waiting ? "" : ". It is " + describe_descendants(getpid()));
}

void Supervisor::report_empty(Term term) {
    page_->close_through(term);  // before anyone can act on the answer
    EmptyMessage empty;
    empty.term = term;
    if (term == last_empty_.term) empty = last_empty_;
    empty.ending = !machine_.accepts_terms();
    tell_agent(empty);
}

void Supervisor::report_pause(const ReportPause& pause) {
    const double length = seconds(pause.start_in.value_or(Duration(0)));
    if (pause.start_in) {
        log::info("starting the workload again in {:.3f} s", length);
    } else {
        log::warn("the workload is not started again; holding the lease without it ({})",
                  machine_.paused() ? "paused" : "workload.restart.then: hold");
    }
    tell_agent(PausedMessage{pause.term, pause.start_in.has_value(), pause.start_in.value_or(Duration(0))});
}

// The guardian first: once the agent knows, it may finish, and the guardian would end without having the status.
void Supervisor::end_of_work(bool resign) {
    last_empty_.resigned = resign;
    if (resign && unprepared_) {
        log::warn("the workload is not started here, because workload.hooks.before_start has failed; resigning");
    } else if (resign) {
        log::warn("the workload is not started again here; resigning (workload.restart.then: resign)");
    } else if (last_status_) {
        tell_guardian(WorkloadEndedMessage{*last_status_});
    }
}

void Supervisor::main_exited(bool by_signal) {
    if (!tree_->status) return;  // nothing was executed, for lack of time
    last_status_ = tree_->status;
    const bool by_itself = machine_.phase() == TermMachine::Phase::running;
    log::info("workload ended{} with status {}{}", by_itself ? " by itself" : "", *tree_->status,
              by_signal ? " (" + signal_name(*tree_->status - 128) + ")" : "");
    tell_agent(ExitedMessage{tree_->grant.term, by_signal, *tree_->status});
}

void Supervisor::tree_is_empty() {
    const Instant at = now();
    terminal_.take_back();
    kill_again_->disarm();
    if (containment_->changes_fd() >= 0 && !standby_.machine.alive()) loop_->unwatch(containment_->changes_fd());
    if (hook_ && !hook_runs()) note_hook_end({hook_->which, {HookOutcome::Kind::unusable, kCannotExecute}});
    hook_.reset();
    const bool was_preparing = tree_->prepared && !tree_->working;
    const char* const what = tree_->finishing ? key_of(Hook::after_stop)
                             : was_preparing  ? key_of(Hook::before_start)
                                              : "the workload";
    const Actions actions = machine_.on_tree_empty(at, tree_->status, !tree_->waiting);
    if (machine_.phase() == TermMachine::Phase::finishing) {
        tree_->working = false;
        tree_->finishing = true;
    } else {
        tree_is_over(*std::exchange(tree_, std::nullopt), at);
    }
    log::info("term {}: nothing of {} is left, {:.3f} s before the hard instant", machine_.term(), what,
              seconds(left_on_any_clock(machine_.grant().hard, at)));
    perform(actions);
    if (!tree_) take_the_next_spec();
}

void Supervisor::tree_is_over(const Tree& tree, Instant at) {
    last_empty_ = {};
    last_empty_.term = tree.grant.term;
    last_empty_.stop_took = tree.asked_at ? elapsed_at_most(*tree.asked_at, at) : Duration(0);
    last_empty_.lease_left = left_on_any_clock(machine_.grant().hard, at);
    last_empty_.had_tree = !tree.waiting;
    page_->set_populated(false);
    if (captured_.tree_ended && !tree.waiting) {
        eventfd_write(captured_.tree_ended.get(), 1);  // only a counter that is full is refused
    }
    if (last_status_ && stop_requested_) tell_guardian(WorkloadEndedMessage{*last_status_});
}

}  // namespace leasehold::supervisor
