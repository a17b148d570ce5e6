// SPDX-License-Identifier: Apache-2.0
//
// The agent's link to the supervisor.
#include <csignal>

#include <sys/epoll.h>
#include <unistd.h>

#include "app/agent.h"
#include "app/exit_status.h"
#include "base/clock.h"
#include "base/duration_text.h"

namespace leasehold::app {
namespace {

using Phase = supervisor::TermMachine::Phase;

const char* state_in(Phase phase) {
    switch (phase) {
        case Phase::idle: return "stopped";
        case Phase::preparing:
        case Phase::running: return "starting";  // unless more is known
        case Phase::pausing: return "backoff";
        case Phase::holding: return "held";
        case Phase::stopping:
        case Phase::killing:
        case Phase::finishing: break;
    }
    return "stopping";
}

}  // namespace

void Agent::connect_supervisor(UniqueFd socket) {
    drop_supervisor("replaced");
    if (!socket) {
        log::error("the guardian announced a supervisor without a socket");
        return;
    }
    supervisor_ = supervisor::Channel(std::move(socket));
    supervisor_pulse_.restart();
    complained_of_silence_ = false;
    told_standing_.reset();
    auto watched = loop_->watch(supervisor_.fd(), EPOLLIN, [this](std::uint32_t) { supervisor_readable(); });
    if (!watched) {
        log::error("cannot watch the supervisor's socket: {}", watched.error().message);
        supervisor_.close();
    }
}

void Agent::drop_supervisor(const std::string& why) {
    if (!supervisor_) return;
    log::debug("closing the connection to the supervisor: {}", why);
    loop_->unwatch(supervisor_.fd());
    supervisor_.close();
    standby_.pid = 0;
    standby_.state = "stopped";
    standby_.end_to_follow_up = false;
    standby_.ended_start = 0;
    mind_readiness();
    mind_health();
    hinder(kNoSupervisor, true);
    if (!guardian_ && (!participant_->started() || participant_->tree_may_be_alive())) leave_when_clear();
}

// With guardian and supervisor both gone nobody can prove the tree empty any more: what was not proven until now is not
// released. But what can be found of it is killed.
void Agent::leave_when_clear() {
    if (supervisor::clear_own_remains(launch_.spec.containment, launch_.spec.incarnation)) {
        return leave(kLeaseholdFailed);
    }
    clear_timer_->arm_in(clear_rhythm_.next());
}

// A supervisor that does not answer is stopped or hung. The guardian is asked to kill it, sees it end, empties the
// tree, and says so; meanwhile the term is not extended, but the lease is renewed.
void Agent::on_beat() {
    page_->beat();
    const Duration deadline = participant_->options().election.timing.renew_deadline;
    const bool leading = participant_->started() && participant_->election().grant();
    const Duration period = leading ? deadline / (2 * supervisor::Pulse::kPatience) : deadline / 2;
    beat_timer_->arm_in(std::max<Duration>(period, std::chrono::milliseconds(10)));
    tell_service_manager();
    if (!supervisor_) return;
    if (supervisor_pulse_.silent() && !complained_of_silence_) {
        complained_of_silence_ = true;
        participant_->journal().add(
            {log::Level::error, "the supervisor does not answer; the guardian is asked to kill it"});
        if (auto sent = guardian_.send(supervisor::SupervisorSilentMessage{}); !sent) {
            log::error("cannot tell the guardian: {}", sent.error().message);
        }
    }
    // A full queue is silence like any other.
    (void)supervisor_.send(supervisor::PingMessage{supervisor_pulse_.ask()});
}

// While that one runs, the state of the workload says only half of it.
void Agent::on_hook(const supervisor::HookMessage& told) {
    using Kind = supervisor::HookOutcome::Kind;
    const std::string what = supervisor::describe(told.hook, told.outcome);
    hook_ = told.outcome.kind == Kind::began ? supervisor::name_of(told.hook) : "";
    const bool failed = supervisor::is_failure(told.outcome);
    if (failed) participant_->metrics().hook_failed(supervisor::name_of(told.hook));
    if (told.hook == supervisor::Hook::before_start) before_start_failed_ = failed;
    if (told.outcome.kind == Kind::began) {
        if (told.hook == supervisor::Hook::before_start) workload_state_ = "starting";
        if (told.hook == supervisor::Hook::after_stop) workload_state_ = "stopping";
        log::debug("{}", what);
    } else if (told.outcome.kind == Kind::passed) {
        participant_->journal().add({log::Level::info, what});
    } else if (told.hook == supervisor::Hook::before_start) {
        participant_->journal().add({log::Level::error, what + "; the workload is not started"});
    } else {
        participant_->journal().add({log::Level::warn, what});
    }
}

// By way of the guardian, which is the service's main process.
void Agent::tell_service_manager() {
    if (launch_.spec.notify_fd < 0) return;  // there is none
    const metrics::StatusView view = participant_->status();
    std::string text = view.role;
    if (view.leading) text += fmt::format(" in term {}, workload {}", view.term, workload_state_);
    if (view.leading && !hook_.empty()) text += " (" + hook_ + ")";
    if (!view.leading && !view.holder.empty()) text += fmt::format("; {} holds the lease", view.holder);
    const auto told = std::pair(view.store_answered, text);
    if (told == told_service_manager_) return;
    supervisor::StatusMessage status;
    status.ready = view.store_answered;
    std::copy_n(text.begin(), std::min(text.size(), status.text.size()), status.text.begin());
    if (guardian_ && guardian_.send(status)) told_service_manager_ = told;
}

void Agent::set_workload_state(const std::string& state) {
    workload_state_ = state;
    participant_->metrics().set_workload_state(state);
}

void Agent::on_resisting() {
    set_workload_state("unkillable");
    participant_->journal().add(
        {log::Level::error, "something of the workload's tree cannot be killed; the lease is not released over it"});
}

void Agent::supervisor_readable() {
    while (supervisor_) {
        auto received = supervisor_.receive();
        if (!received) {
            drop_supervisor(received.error().message);
            wake_guardian();
            return;
        }
        if (!*received) return;
        on_supervisor_message((*received)->message);
    }
}

// It may be suspended with a workload on a terminal, and it was the supervisor's part to wake it. What that one leaves
// is the guardian's to empty.
void Agent::wake_guardian() {
    if (getppid() == guardian_pid_) kill(guardian_pid_, SIGCONT);
}

bool Agent::send_supervisor(const supervisor::Message& message) {
    if (!supervisor_) return false;
    if (auto sent = supervisor_.send(message); !sent) {
        log::error("cannot reach the supervisor: {}", sent.error().message);
        return false;
    }
    return true;
}

void Agent::on_supervisor_message(const supervisor::Message& message) {
    if (const auto* hello = std::get_if<supervisor::HelloMessage>(&message)) {
        on_hello(*hello);
    } else if (const auto* started = std::get_if<supervisor::StartedMessage>(&message)) {
        const std::chrono::duration<double> since_epoch = wall_now().time_since_epoch();
        participant_->metrics().workload_started(since_epoch.count());
        participant_->journal().add({log::Level::info, fmt::format("started the workload, process {}", started->pid)});
        begin_workload(started->pid, now(), false);
    } else if (const auto* exited = std::get_if<supervisor::ExitedMessage>(&message)) {
        workload_last_exit_code_ = exited->exit_status;
        participant_->metrics().workload_exited(exited->by_signal ? "signal" : "code", exited->exit_status);
        participant_->journal().add(
            {log::Level::info, fmt::format("the workload ended with status {}", exited->exit_status)});
        participant_->show_role(false);
    } else if (std::holds_alternative<supervisor::StoppingMessage>(message)) {
        workload_state_ = "stopping";
        hook_.clear();
    } else if (std::holds_alternative<supervisor::KilledMessage>(message)) {
        hook_.clear();
        participant_->metrics().workload_killed();
        participant_->journal().add({log::Level::warn, "the workload did not stop in time and was killed"});
    } else if (const auto* empty = std::get_if<supervisor::EmptyMessage>(&message)) {
        on_empty(*empty);
    } else if (const auto* pong = std::get_if<supervisor::PongMessage>(&message)) {
        supervisor_pulse_.answered(pong->number);
        if (!supervisor_pulse_.silent()) complained_of_silence_ = false;
    } else if (const auto* paused = std::get_if<supervisor::PausedMessage>(&message)) {
        on_paused(*paused);
    } else if (const auto* standby = std::get_if<supervisor::StandbyMessage>(&message)) {
        hear_of_standby(*standby);
    } else if (const auto* probed = std::get_if<supervisor::ProbedMessage>(&message)) {
        hear_exec_probe(*probed);
    } else if (const auto* hook = std::get_if<supervisor::HookMessage>(&message)) {
        on_hook(*hook);
    } else if (std::holds_alternative<supervisor::ResistsMessage>(message)) {
        on_resisting();
    } else {
        log::warn("unexpected message from the supervisor");
    }
    participant_->metrics().set_workload_state(workload_state_);
    mind_readiness();
    mind_health();
}

// The first one starts the election: only now is it known whether a term of an earlier agent is still running. Later
// ones come from a new supervisor, whose predecessor's tree the guardian has emptied, and which knows nothing of a term
// that was won in the meantime.
void Agent::on_hello(const supervisor::HelloMessage& hello) {
    hinder(kNoSupervisor, false);
    if (hello.paused && !participant_->started()) hinder(kPaused, true);  // an earlier agent was asked for it
    if (hello.paused != paused()) send_supervisor(supervisor::PauseMessage{paused()});
    const bool idle = hello.phase == Phase::idle;
    workload_state_ = state_in(hello.phase);
    hook_ = hello.phase == Phase::preparing   ? supervisor::name_of(supervisor::Hook::before_start)
            : hello.phase == Phase::finishing ? supervisor::name_of(supervisor::Hook::after_stop)
                                              : "";
    workload_pid_ = hello.pid;
    const bool runs = hello.phase == Phase::running && hello.executed;
    if (runs) begin_workload(hello.pid, hello.executed_at, hello.ready);
    participant_->show_role(runs && hello.ready);
    if (participant_->started()) {
        welcome_new_supervisor();
        tell_standing();
        return;
    }

    const supervisor::TermGrant last = page_->grant();
    election::Past past;
    past.last_term = std::max(last.term, hello.closed_through);
    past.last_version = page_->last_version();
    const bool unfinished = last.term > page_->ended_through();
    if (unfinished) {
        const election::Grant grant{last.term, last.token, last.transitions, last.soft, last.hard};
        past.running = election::Past::Running{grant, !hello.goes_on, launch_.spec.longest_lease};
        participant_->journal().add({log::Level::warn, fmt::format("restarted; taking over term {}", last.term)});
    }
    if (auto started = participant_->start(past); !started) {
        log::error("{}", started.error().message);
        leave(kLeaseholdFailed);
        return;
    }
    if (!hindrances_.empty()) participant_->deliver(election::Candidacy{false});
    // Nothing runs in the last term any more, or it was never begun: its end is still to be confirmed, and the lease to
    // be released if the earlier agent did not come to that.
    if (unfinished && idle) send_supervisor(supervisor::RevokeMessage{last.term, supervisor::StopMode::kill});
    if (stop_requested_) participant_->deliver(election::StopRequested{});
}

void Agent::welcome_new_supervisor() {
    const auto& running = participant_->election().grant();
    if (!running || !participant_->tree_may_be_alive()) return;
    if (participant_->election().role() == election::Role::leader) {
        grant(*running);
    } else {
        revoke({running->term, election::RevokeMode::kill});
    }
}

// All that keeps this candidate from contending; the election hears of the first and of the last.
void Agent::hinder(const std::string& what, bool hinders) {
    const bool was_able = hindrances_.empty();
    hinders ? (void)hindrances_.insert(what) : (void)hindrances_.erase(what);
    if (was_able != hindrances_.empty() && participant_->started()) {
        participant_->deliver(election::Candidacy{hindrances_.empty()});
    }
    tell_standing();
}

// Another candidate gets its chance.
void Agent::rest() {
    resigning_in_ = 0;
    const Duration cooldown = participant_->options().workload.restart.cooldown;
    participant_->journal().add(
        {log::Level::warn, "resigned; not contending for " + to_rounded_text(cooldown) +
                               ", so that another candidate gets its chance (workload.restart.cooldown)"});
    hinder(kResting, true);
    rest_ends_ = now() + cooldown;
    rest_timer_->arm_in(cooldown);
}

void Agent::on_paused(const supervisor::PausedMessage& paused) {
    workload_state_ = paused.starts ? "backoff" : "held";
    workload_pid_ = 0;
    hook_.clear();
    participant_->show_role(false);
    const std::string what = paused.starts ? "starting the workload again in " + to_rounded_text(paused.pause)
                                           : "holding the lease without the workload, which is not started again";
    participant_->journal().add({log::Level::info, what});
}

void Agent::on_empty(const supervisor::EmptyMessage& empty) {
    workload_state_ = "stopped";
    workload_pid_ = 0;
    hook_.clear();
    participant_->show_role(false);
    if (empty.had_tree && empty.term > last_tree_ended_) {  // the same answer may come again
        last_tree_ended_ = empty.term;
        const Duration left = empty.lease_left + participant_->options().election.timing.margin();
        participant_->metrics().workload_stopped(empty.stop_took);
        participant_->metrics().fence_margin(left);
        const bool asked = empty.stop_took > Duration::zero();
        const std::string after = asked ? ", " + to_rounded_text(empty.stop_took) + " after it was asked to stop" : "";
        participant_->journal().add({left > Duration::zero() ? log::Level::info : log::Level::error,
                                     fmt::format("the workload's tree is proven empty{}; {} of the lease were left",
                                                 after, to_rounded_text(left))});
    }
    if (empty.resigned && empty.term > last_resigned_) {
        last_resigned_ = empty.term;
        rest();  // before the lease is released, so that it is not taken again at once
    }
    if (participant_->started()) participant_->deliver(election::TreeEmpty{empty.term});
    // A workload that has ended by itself ends leasehold, even while the guardian is stopped and cannot say so.
    if (empty.ending && !stop_requested_) stop(supervisor::StopMode::orderly);
}

}  // namespace leasehold::app
