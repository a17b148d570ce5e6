// SPDX-License-Identifier: Apache-2.0
//
// The commands of workload.hooks and workload.stop.command: when, is for the term machine to say. They are executed as
// the workload is, in its tree or in one of their own, and see who runs them and why in their environment.
#include <csignal>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

namespace leasehold::supervisor {
namespace {

constexpr int kCannotExecuteHook = 126;

bool begins_a_tree(Hook which) { return which == Hook::before_start || which == Hook::after_stop; }

// As those see it that are in the innermost PID namespace that it is in (proc(5): NSpid).
pid_t own_number_of(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("NSpid:")) continue;
        std::istringstream numbers(line.substr(6));
        for (pid_t number = 0; numbers >> number;) pid = number;
    }
    return pid;
}

HookOutcome outcome_of(const GroupedCommand::Ending& ending) {
    using Kind = HookOutcome::Kind;
    switch (ending.start.kind) {
        case SpawnOutcome::Kind::executed: break;
        case SpawnOutcome::Kind::late:
        case SpawnOutcome::Kind::orphaned: return {Kind::too_late, 0};
        case SpawnOutcome::Kind::failed:
        case SpawnOutcome::Kind::altered:
        case SpawnOutcome::Kind::unlike: return {Kind::unusable, kCannotExecuteHook};
    }
    return {ending.status == 0 ? Kind::passed : Kind::failed, ending.status};
}

}  // namespace

Result<void> Supervisor::prepare_hooks() {
    auto timer = Timer::create(*loop_, [this] { on_unusable_hook(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    unusable_hook_ = std::move(*timer);
    return {};
}

void Supervisor::run_hook(const RunHook& wanted) {
    if (wanted.hook == Hook::before_start) return begin_tree(wanted.grant);
    if (!tree_ || tree_->waiting) return;  // there is nothing to stop, and that is about to be said
    if (wanted.hook == Hook::before_stop || wanted.hook == Hook::stop_command) say_stopping();
    spawn_hook(wanted.hook);
}

std::map<std::string, std::string> Supervisor::told_to(Hook which) const {
    auto told = told_in(spec_, tree_->grant);
    told["LEASEHOLD_HOOK"] = name_of(which);
    if (tree_->main > 0) told["LEASEHOLD_WORKLOAD_PID"] = std::to_string(own_number_of(tree_->main));
    if (which == Hook::after_stop && tree_->status) told["LEASEHOLD_EXIT_STATUS"] = std::to_string(*tree_->status);
    return told;
}

// Opened when it is first needed: what executes nothing but the workload does without.
Result<int> Supervisor::nowhere() {
    if (!nowhere_) nowhere_ = UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!nowhere_) return system_failure("/dev/null, for a command beside the workload");
    return nowhere_.get();
}

Result<Spawned> Supervisor::try_hook(Hook which) {
    const auto nowhere = this->nowhere();
    if (!nowhere) return tl::unexpected<Error>(nowhere.error());
    const Executable executable(command_of(spec_.workload, which), environment_of(spec_.workload, told_to(which)));
    SpawnSettings settings = as_configured();
    settings.beside = !begins_a_tree(which);
    settings.input = *nowhere;
    settings.output = captured_.output.get();
    settings.errors = captured_.errors.get();
    // What leads to a start is not begun when nothing may be started any more; what ends one has until the hard
    // instant.
    const bool starts = which == Hook::before_start || which == Hook::after_start;
    return spawn(executable, *containment_, starts ? machine_.grant().soft : machine_.grant().hard, settings);
}

void Supervisor::spawn_hook(Hook which) {
    arm_dead_man();  // before there is anything to guard
    hook_.emplace();
    hook_->which = which;
    hook_->name = command_of(spec_.workload, which).front();
    auto spawned = try_hook(which);
    machine_.on_hook_began(now(), which);
    if (begins_a_tree(which)) watch_containment();
    if (!spawned) {
        log::error("{}: {}", key_of(which), spawned.error().message);
        unusable_hook_->arm_in(Duration(0));
        return;
    }
    const pid_t pid = spawned->pid;
    hook_->command.began(std::move(*spawned));
    log::info("executing {}: process {}", key_of(which), pid);
    tell_agent(HookMessage{tree_->grant.term, which, {}});
}

void Supervisor::kill_hook(const KillHook& wanted) {
    if (hook_ && hook_->which == wanted.hook) {
        hook_->command.kill();
        hook_.reset();
    }
    if (wanted.late) note_hook_end({wanted.hook, {HookOutcome::Kind::timed_out, 0}});
}

void Supervisor::say_what_took_the_grace_period(Hook which) {
    if (which != Hook::before_stop && which != Hook::stop_command) return;
    tell_agent(HookMessage{tree_->grant.term, which, {HookOutcome::Kind::timed_out, 0}});
    log::warn("{} took all the time there was to stop, and was killed; the workload got no signal", key_of(which));
}

void Supervisor::on_unusable_hook() {
    keep_deadlines();
    if (hook_ && !hook_->command.alive()) {
        const HookEnd end{std::exchange(hook_, std::nullopt)->which, {HookOutcome::Kind::unusable, kCannotExecuteHook}};
        note_hook_end(end);
        perform(machine_.on_hook_ended(now(), end.which, false));
        log_hook_end(end);
    }
    settle();
}

std::optional<Supervisor::HookEnd> Supervisor::hook_reaped(const Exit& exit) {
    if (!hook_) return std::nullopt;
    const auto ending = hook_->command.reaped(exit);
    if (!ending) return std::nullopt;
    const RunningHook hook = std::move(*std::exchange(hook_, std::nullopt));
    HookEnd end{hook.which, outcome_of(*ending)};
    if (ending->start.kind == SpawnOutcome::Kind::failed) {
        std::string sentence;
        end.outcome.detail =
            status_of_failure(hook.name, path_of(environment_of(spec_.workload)), ending->start.problem, sentence);
        log::error("{}: {}", key_of(end.which), sentence);
    } else if (ending->start.kind == SpawnOutcome::Kind::unlike) {
        log::error("{}: {}", key_of(end.which), explain(spec_.attributes, {ending->start.step, ending->start.problem}));
    }
    note_hook_end(end);
    return end;
}

void Supervisor::note_hook_end(const HookEnd& end) {
    unprepared_ = unprepared_ || (end.which == Hook::before_start && !end.passed());
    if (tree_) tell_agent(HookMessage{tree_->grant.term, end.which, end.outcome});
}

// Once what follows from it was done.
void Supervisor::log_hook_end(const std::optional<HookEnd>& end) {
    if (!end) return;
    const std::string what = describe(end->which, end->outcome);
    if (end->passed()) return log::debug("{}", what);  // the agent has it in its journal
    switch (end->which) {
        case Hook::before_start: return log::error("{}; the workload is not started", what);
        case Hook::stop_command: return log::warn("{}; the stop signal takes its place", what);
        default: return log::warn("{}", what);
    }
}

// What the workload left behind may go on to live until it is asked to end, but in a PID namespace that ends when it
// has nothing left, hooks are no part of what holds it up.
void Supervisor::let_tree_end() {
    if (!tree_ || !tree_->over || tree_->let_go || hook_runs()) return;
    tree_->let_go = true;
    containment_->main_has_ended();
}

}  // namespace leasehold::supervisor
