// SPDX-License-Identifier: Apache-2.0
#include "supervisor/guardian.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/process_status.h"
#include "supervisor/signal_rules.h"
#include "supervisor/terminal.h"

namespace leasehold::supervisor {
namespace {

constexpr int kKilled = 128 + SIGKILL;
constexpr int kAgentFailuresWhileEnding = 3;
constexpr Duration kTryAgain = std::chrono::seconds(1);
constexpr Duration kMoment = std::chrono::milliseconds(20);  // the others start, and need the processors
constexpr Duration kLastOutput = std::chrono::seconds(3);    // to be taken; the lease is not kept for it

}  // namespace

std::string how(const std::optional<Exit>& exit) {
    if (!exit) return "for an unknown reason";
    if (exit->by_signal) return "by " + signal_name(exit->status - 128);
    return "with status " + std::to_string(exit->status);
}

Guardian::Guardian(LaunchSpec spec, UniqueFd spec_fd, std::unique_ptr<SharedPage> page)
    : spec_(std::move(spec)),
      spec_fd_(std::move(spec_fd)),
      page_(std::move(page)),
      containment_(make_containment(spec_.containment, spec_.incarnation)),
      service_manager_(UniqueFd(spec_.notify_fd), spec_.watchdog) {
    spec_.recheck = std::max<Duration>(spec_.recheck, std::chrono::milliseconds(1));
}

Result<std::unique_ptr<Guardian>> Guardian::create(RoleArguments arguments, FirstRoles first) {
    auto page = first.page ? Result<std::unique_ptr<SharedPage>>(std::move(first.page)) : SharedPage::create();
    if (!page) return tl::unexpected<Error>(page.error());
    std::unique_ptr<Guardian> made(
        new Guardian(std::move(arguments.spec), UniqueFd(arguments.spec_fd), std::move(*page)));
    made->agent_.waiting = std::move(first.agent);
    made->supervisor_.waiting = std::move(first.supervisor);
    return made->prepare().map([&made] { return std::move(made); });
}

Result<void> Guardian::prepare() {
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    loop_ = std::move(*loop);
    auto signals = SignalSource::create(*loop_, [this](const signalfd_siginfo& info) {
        on_signal(static_cast<int>(info.ssi_signo), static_cast<pid_t>(info.ssi_pid));
    });
    if (!signals) return tl::unexpected<Error>(signals.error());
    signals_ = std::move(*signals);
    if (spec_.workload.output.captured()) {
        auto output = OutputHelper::create(*loop_, spec_, spec_fd_);
        if (!output) return tl::unexpected<Error>(output.error());
        output_ = std::move(*output);
    }
    const auto timer = [this](std::unique_ptr<Timer>& place, std::function<void()> callback) -> Result<void> {
        auto made = Timer::create(*loop_, std::move(callback));
        if (!made) return tl::unexpected<Error>(made.error());
        place = std::move(*made);
        return {};
    };
    return timer(page_timer_, [this] { look_at_page(); })
        .and_then([&] { return timer(kill_timer_, [this] { kill_again(); }); })
        .and_then([&] { return timer(supervisor_.restart, [this] { start_supervisor(); }); })
        .and_then([&] { return timer(agent_.restart, [this] { start_agent(); }); })
        .and_then([&] { return timer(reloader_.restart, [this] { reload(); }); })
        .and_then([&] { return timer(lock_timer_, [this] { lock_memory(spec_.protection); }); })
        .and_then([&] { return timer(heartbeat_, [this] { beat(); }); });
}

int Guardian::run() {
    log::info("containment: {}", describe(spec_.containment));
    for (bool begun = false, done = false; !done;) {
        try {
            if (!std::exchange(begun, true)) {
                keep_earlier_children();
                look_at_page();
                beat();
                if (output_) output_->start();
                start_supervisor();
                start_agent();
                lock_timer_->arm_in(kMoment);
            }
            const auto served = loop_->run();
            done = served.has_value();
            if (!done) log::error("{}; the guardian tries on", served.error().message);
        } catch (const std::exception& problem) {  // short of memory
            log::error("{}; the guardian goes on", problem.what());
        }
        if (!done) usleep(10'000);
    }
    containment_->remove();
    const int status = given_up_status_.value_or(workload_status_.value_or(0));
    log::info("leasehold ends with status {}", status);
    return status;
}

// As long as the loop turns.
void Guardian::beat() {
    const Duration period = service_manager_.between_heartbeats();
    if (period <= Duration::zero()) return;
    service_manager_.heartbeat();
    heartbeat_->arm_in(period);
}

// ---- signals ------------------------------------------------------------------------------------------------------

void Guardian::on_signal(int signal, pid_t sender) {
    // The supervisor only wakes the guardian so. Handed on, it would continue what may have been stopped again since.
    // The agent does, should the supervisor die meanwhile.
    if (signal == SIGCONT && (sender == supervisor_.process.pid || sender == agent_.process.pid)) return;
    if (signal == SIGTSTP && something_runs() && Terminal::of(getpgrp()).is_at_home()) return pass_suspend_key_on();
    if (signal == SIGHUP) reload();  // the workload gets it all the same
    const SignalRule rule = rule_for(signal, something_runs(), spec_.workload.signals);
    switch (rule.duty) {
        case SignalRule::Duty::nothing: return;
        case SignalRule::Duty::reap: return emptying_ ? continue_emptying() : void(reap_orphans());
        case SignalRule::Duty::stop: log::info("{} received", signal_name(signal)); return on_stop_signal();
        case SignalRule::Duty::hand_on: return hand_on(signal, rule.handed_on);
    }
}

void Guardian::hand_on(int signal, int handed_on) {
    const bool as_it_is = handed_on == signal;
    log::info("{} received, handed to the workload{}", signal_name(signal),
              as_it_is ? "" : " as " + signal_name(handed_on));
    tell(supervisor_, SignalMessage{handed_on});
}

// The shell's `fg` gives the terminal to the guardian, and no signal when leasehold was running. The workload gets the
// terminal with SIGCONT, and then what the key meant.
void Guardian::pass_suspend_key_on() {
    tell(supervisor_, SignalMessage{SIGCONT});
    tell(supervisor_, SignalMessage{SIGTSTP});
}

// A shell waits for leasehold, its own child, to stop or to end. Supervisor and agent go on meanwhile.
void Guardian::on_workload_stopped(int signal) {
    suspend(signal);
    tell(supervisor_, ResumedMessage{});
}

void Guardian::suspend(int signal) {
    if (ending_) return tell(supervisor_, SignalMessage{SIGCONT});
    log::info("the workload was stopped by {}: leasehold waits for SIGCONT, and goes on renewing", signal_name(signal));
    if (suspend_own_group()) return;  // SIGCONT is there, and the shell's is handed on like any signal
    // Nobody could ever continue it. Without leasehold in between, the kernel would have ignored the key.
    if (signal == SIGTSTP) tell(supervisor_, SignalMessage{SIGCONT});
}

void Guardian::on_stop_signal() {
    ++stop_signals_;
    if (stop_signals_ == 1) {
        begin_ending();
    } else if (stop_signals_ == 2) {
        asked_to_stop_at_ = now();
        log::warn("asked a second time: the workload is killed, and the release is not waited for long");
        tell(supervisor_, StopMessage{StopMode::kill});
        tell(agent_, StopMessage{StopMode::kill});
        if (finished_) kill_role(supervisor_);  // it is not listened to any more, and only a standby command is left
    } else {
        log::warn("asked a third time: everything is killed");
        finish();
        kill_role(agent_);
        kill_role(supervisor_);
    }
}

void Guardian::begin_ending() {
    if (ending_) return;
    ending_ = true;
    service_manager_.say("STOPPING=1");
    asked_to_stop_at_ = now();
    kill_role(reloader_);
    // The supervisor first: nothing is started from here on, whatever the agent says.
    tell(supervisor_, StopMessage{StopMode::orderly});
    tell(agent_, StopMessage{StopMode::orderly});
    if (!agent_.alive()) start_agent();  // it was waiting to be restarted; it may have a lease to release
    look_at_page();
}

// The agent has nothing more to do. The supervisor takes the end of its socket for the end of the guardian: it stops
// what runs, and ends when nothing is left.
void Guardian::finish() {
    ending_ = true;
    finished_ = true;
    quiet_since_.reset();
    agent_.restart->disarm();
    supervisor_.restart->disarm();
    reloader_.restart->disarm();
    kill_role(reloader_);
    if (supervisor_.channel) {
        read_role(supervisor_);
        if (supervisor_.channel) loop_->unwatch(supervisor_.channel.fd());
        supervisor_.channel.close();
    }
    end_if_nothing_is_left();
}

void Guardian::end_if_nothing_is_left() {
    if (!finished_ || agent_.alive() || supervisor_.alive() || emptying_) return;
    if (!output_) return loop_->stop();
    output_->finish(stop_signals_ > 2 ? Duration(0) : kLastOutput, [this] { loop_->stop(); });
}

// ---- what the two say ---------------------------------------------------------------------------------------------

void Guardian::on_supervisor_message(const Message& message) {
    if (const auto* ended = std::get_if<WorkloadEndedMessage>(&message)) {
        workload_status_ = ended->exit_status;
        begin_ending();
    } else if (std::holds_alternative<StartedMessage>(message)) {
        look_at_page();  // there is a hard instant to be awake at
    } else if (const auto* stopped = std::get_if<WorkloadStoppedMessage>(&message)) {
        if (!emptying_) on_workload_stopped(stopped->signal);  // of a dead supervisor nobody would hear the answer
    } else {
        log::error("the supervisor sent a message that is not for the guardian; ignored");
    }
}

void Guardian::on_agent_message(const Message& message) {
    if (const auto* given_up = std::get_if<GiveUpMessage>(&message)) {
        given_up_status_ = given_up->exit_status;
        begin_ending();
    } else if (std::holds_alternative<ReloadMessage>(message)) {
        reload();
    } else if (const auto* status = std::get_if<StatusMessage>(&message)) {
        const auto end = std::find(status->text.begin(), status->text.end(), '\0');
        service_manager_.show(status->ready, std::string(status->text.begin(), end));
    } else if (std::holds_alternative<SupervisorSilentMessage>(message)) {
        // Stopped or hung. Its end is heard from its pidfd, and then its tree is emptied; one that is continued later
        // finds itself killed.
        kill_role(supervisor_);
        log::error("the supervisor does not answer the agent; the guardian kills it");
    } else {
        log::error("the agent sent a message that is not for the guardian; ignored");
    }
}

void Guardian::read_role(Role& role) {
    while (role.channel) {
        auto received = role.channel.receive();
        if (!received && (received.error().code == EBADMSG || received.error().code == EPROTO)) {
            log::error("from the {}: {}; ignored", role.name, received.error().message);
        } else if (!received) {  // it is about to end: that its pidfd will tell
            loop_->unwatch(role.channel.fd());
            role.channel.close();
        } else if (!*received) {
            return;
        } else if (&role == &reloader_) {
            on_reloader_message(std::move(**received));
        } else if (&role == &supervisor_) {
            on_supervisor_message((*received)->message);
        } else {
            on_agent_message((*received)->message);
        }
    }
}

void Guardian::tell(Role& role, const Message& message, int fd) {
    if (!role.channel) return;
    if (auto sent = role.channel.send(message, fd); !sent && sent.error().code != EPIPE) {
        log::warn("to the {}: {}", role.name, sent.error().message);
    }
}

// ---- starting, and what has ended ---------------------------------------------------------------------------------

Result<Guardian::Started> Guardian::execute_role(Role& role, const char* role_argument, Inherited inherited) {
    auto ends = Channel::pair();
    if (!ends) return tl::unexpected<Error>(ends.error());
    inherited.add("--spec-fd", spec_fd_.get());
    inherited.add("--page-fd", page_->fd());
    inherited.add("--guardian-fd", ends->second.fd());
    RoleImage image(role_argument, inherited.arguments());
    for (const auto& [name, fd] : inherited.named) image.inherit(fd);
    for (const int fd : inherited.held) image.inherit(fd);
    return start_role_process(image, &role == &supervisor_ ? session_of_supervisor() : RoleSession::own)
        .map([&](RoleProcess process) {
            return Started{std::move(process), std::move(ends->first)};
        });
}

// Whatever comes of it, it waits no longer: the next one is executed. One that is not watched must not live.
Result<Guardian::Started> Guardian::let_the_waiting_one_go_on(Role& role, Inherited inherited) {
    WaitingRole waiting = std::exchange(role.waiting, {});
    UniqueFd pidfd = open_process(waiting.pid);
    Result<void> done = pidfd ? Result<void>() : system_failure("pidfd_open");
    if (done && spec_.workload.output.captured()) {  // what that takes is there only now
        inherited.add("--spec-fd", spec_fd_.get());
        done = let_go_on(waiting, inherited);
    }
    if (!done) {
        kill(waiting.pid, SIGKILL);  // ours until it is reaped
        return tl::unexpected<Error>(done.error());
    }
    return Started{{waiting.pid, std::move(pidfd)}, std::move(waiting.channel)};
}

bool Guardian::start_role(Role& role, const char* role_argument, Inherited inherited) {
    role.restart->arm_in(kTryAgain);  // first of all: what follows may run out of memory
    auto started = role.waiting.socket ? let_the_waiting_one_go_on(role, std::move(inherited))
                                       : execute_role(role, role_argument, std::move(inherited));
    if (started) {
        role.process = std::move(started->process);
        role.channel = std::move(started->channel);
        role.started_at = now();
        const auto watched = watch_role(role);
        if (watched) {
            role.restart->disarm();
            log::debug("{} started: process {}", role.name, role.process.pid);
            return true;
        }
        forget_unwatched(role, watched.error());
    } else {
        log::error("the {} cannot be started: {}; trying again", role.name, started.error().message);
    }
    role.restart->arm_in(std::max<Duration>(role.backoff.after({}), std::chrono::milliseconds(100)));
    return false;
}

Result<void> Guardian::watch_role(Role& role) {
    return loop_
        ->watch(role.process.pidfd.get(), EPOLLIN,
                [this, &role](std::uint32_t) {
                    if (&role == &supervisor_) {
                        on_supervisor_ended();
                    } else if (&role == &reloader_) {
                        on_reloader_ended();
                    } else {
                        on_agent_ended();
                    }
                })
        .and_then([&] {
            return loop_->watch(role.channel.fd(), EPOLLIN, [this, &role](std::uint32_t) { read_role(role); });
        });
}

// One that cannot be watched must not run: nobody would notice its end. It is reaped like any orphan then.
void Guardian::forget_unwatched(Role& role, const Error& problem) {
    log::error("the {} cannot be watched: {}; trying again", role.name, problem.message);
    kill_role(role);
    loop_->unwatch(role.process.pidfd.get());
    role.process = {};
    role.channel.close();
}

void Guardian::start_supervisor() {
    if (supervisor_.alive() || emptying_ || finished_) return;
    supervisor_.restart->disarm();
    Inherited inherited = output_ ? output_->for_supervisor() : Inherited{};
    inherited.held = spec_.held_fds;
    if (!start_role(supervisor_, kSupervisorRole, std::move(inherited))) return;
    page_->set_supervisor_process(supervisor_.process.pid);
    if (ending_) tell(supervisor_, StopMessage{StopMode::orderly});
    connect_peers();
}

void Guardian::start_agent() {
    if (agent_.alive() || finished_) return;
    silent_for_ = {};
    if (emptying_ && !children_can_be_listed()) {  // it would stand in the way of the proof
        agent_.restart->arm_in(std::chrono::milliseconds(10));
        return;
    }
    agent_.restart->disarm();
    Inherited inherited = output_ ? output_->for_agent() : Inherited{};
    // The waiting one has opened them itself.
    if (!agent_.waiting.socket) for_each_descriptor(spec_, [&](int fd) { inherited.held.push_back(fd); });
    inherited.words.push_back("--agent-number=" + std::to_string(++agent_starts_));
    if (!start_role(agent_, kAgentRole, std::move(inherited))) return;
    connect_peers();
    tell_of_reload();
    if (emptying_) tell(agent_, SupervisorGoneMessage{});
    if (ending_) tell(agent_, StopMessage{stop_signals_ > 1 ? StopMode::kill : StopMode::orderly});
}

void Guardian::connect_peers() {
    if (!supervisor_.alive() || !agent_.alive()) return;
    auto ends = Channel::pair();
    if (!ends) {
        log::error("supervisor and agent cannot be connected: {}; the agent is started again", ends.error().message);
        return kill_role(agent_);
    }
    tell(supervisor_, NewPeerMessage{}, ends->first.fd());
    tell(agent_, NewPeerMessage{}, ends->second.fd());
}

// Whoever executed leasehold may have had children already, which stay its own: "log-shipper & exec leasehold run ...".
void Guardian::keep_earlier_children() {
    for (const pid_t pid : own_children()) {
        if (pid == agent_.waiting.pid || pid == supervisor_.waiting.pid) continue;
        UniqueFd pidfd = open_process(pid);
        if (!pidfd) continue;
        const int raw = pidfd.get();
        auto watched = loop_->watch(raw, EPOLLIN, [this, raw](std::uint32_t) { earlier_child_ended(raw); });
        if (!watched) log::warn("process {} cannot be watched: {}", pid, watched.error().message);
        earlier_children_.push_back({pid, std::move(pidfd)});
    }
}

void Guardian::earlier_child_ended(int pidfd) {
    const auto ended = [&](const RoleProcess& child) {
        Exit exit;
        return child.pidfd.get() == pidfd && reap_one(pidfd, exit);
    };
    const auto found = std::find_if(earlier_children_.begin(), earlier_children_.end(), ended);
    if (found == earlier_children_.end()) return;
    loop_->unwatch(pidfd);
    earlier_children_.erase(found);
}

std::vector<pid_t> Guardian::not_of_the_tree() const {
    std::vector<pid_t> pids{supervisor_.process.pid, agent_.process.pid, reloader_.process.pid};
    if (output_) pids.push_back(output_->pid());
    for (const RoleProcess& child : earlier_children_) pids.push_back(child.pid);
    return pids;
}

bool Guardian::reap_orphans() {
    return reap([](const Exit& exit) { log::debug("reaped process {}, which nobody waited for", exit.pid); },
                not_of_the_tree());
}

// Reaps it and forgets it. Nothing when it is still alive after all.
std::optional<Exit> Guardian::bury(Role& role) {
    Exit exit;
    if (!role.alive() || !reap_one(role.process.pidfd.get(), exit)) return std::nullopt;
    if (!finished_) role.restart->arm_in(kTryAgain);  // whatever goes wrong below
    if (&role == &supervisor_) {                      // the same: until it is known to have left nothing
        emptying_ = true;
        kill_timer_->arm_in(kTryAgain);
    }
    loop_->unwatch(role.process.pidfd.get());
    read_role(role);  // its last words
    role.process = {};
    if (role.channel) {
        loop_->unwatch(role.channel.fd());
        role.channel.close();
    }
    reap_orphans();  // it may have stood in the way
    return exit;
}

void Guardian::on_agent_ended() {
    const Instant started_at = agent_.started_at;
    const auto exit = bury(agent_);
    if (!exit) return;
    const bool in_order = !exit->by_signal && exit->status == 0;
    if (in_order || finished_) {
        log::info("the agent has finished");
        return finish();
    }
    if (!exit->by_signal && exit->status == kAgentReplaced) return start_agent();
    if (ending_ && ++agent_failures_while_ending_ > kAgentFailuresWhileEnding) {
        log::error("the agent ended {} again and again while leasehold ends: the lease is not released, it runs out",
                   how(exit));
        return finish();
    }
    const Duration wait = agent_.backoff.after(elapsed_at_least(started_at, now()));
    page_->set_agent_restarts(page_->agent_restarts() + 1);
    log::error("the agent ended {}; it is started again{}", how(exit), wait > Duration(0) ? " in a moment" : "");
    agent_.restart->arm_in(wait);
}

void Guardian::on_supervisor_ended() {
    const Instant started_at = supervisor_.started_at;
    const auto exit = bury(supervisor_);
    if (!exit) return;
    if (finished_ && !exit->by_signal && exit->status == 0) {  // it had its own proof
        emptying_ = false;
        kill_timer_->disarm();
        return end_if_nothing_is_left();
    }
    log::error("the supervisor ended {}; the guardian empties what it left", how(exit));
    if (ending_ && page_->populated() && !workload_status_) workload_status_ = kKilled;
    supervisor_wait_ = supervisor_.backoff.after(elapsed_at_least(started_at, now()));
    begin_emptying();
}

void Guardian::kill_role(Role& role) {
    if (role.alive() && kill(role.process.pid, SIGKILL) != 0) {
        log::error("the {} cannot be killed: {}", role.name, std::generic_category().message(errno));
    }
}

}  // namespace leasehold::supervisor
