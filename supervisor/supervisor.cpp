// SPDX-License-Identifier: Apache-2.0
#include "supervisor/supervisor.h"

#include <csignal>
#include <random>

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/capabilities.h"
#include "supervisor/enforcement.h"

namespace leasehold::supervisor {
namespace {

constexpr int kFailed = 125;
constexpr std::size_t kMostUnsent = 64;
constexpr Duration kWakeAgain = std::chrono::milliseconds(20);

// The next message that can be understood; nothing when there is none at the moment. `gone` when there never will be.
std::optional<Received> next_message(const Channel& channel, bool& gone) {
    for (;;) {
        auto received = channel.receive();
        if (received) return std::move(*received);
        if (received.error().code == EBADMSG || received.error().code == EPROTO) {
            log::error("{}; ignored", received.error().message);
            continue;
        }
        gone = true;
        return std::nullopt;
    }
}

}  // namespace

Supervisor::Supervisor(LaunchSpec spec, std::unique_ptr<SharedPage> page, Channel guardian, CapturedStreams captured)
    : spec_(std::move(spec)),
      captured_(std::move(captured)),
      page_(std::move(page)),
      guardian_(std::move(guardian)),
      containment_(make_containment(spec_.containment, spec_.incarnation)),
      machine_({spec_.workload.stop.grace_period, std::max<Duration>(spec_.recheck, std::chrono::milliseconds(1)),
                page_->closed_through(), spec_.workload.restart, std::random_device{}(),
                !spec_.workload.stop.command.empty(), plan_of(spec_.workload.hooks)}),
      standby_(spec_.workload, [this](const std::string& leader) { return spawn_leader_hook(leader); }) {}

Result<std::unique_ptr<Supervisor>> Supervisor::create(RoleArguments arguments) {
    if (arguments.page_fd < 0 || arguments.guardian_fd < 0) {
        return failure("the supervisor was started without its descriptors");
    }
    close(arguments.spec_fd);
    auto page = SharedPage::open(arguments.page_fd);
    if (!page) return tl::unexpected<Error>(page.error());
    CapturedStreams captured{UniqueFd(arguments.output_fd), UniqueFd(arguments.errors_fd),
                             UniqueFd(arguments.ended_fd)};
    std::unique_ptr<Supervisor> made(new Supervisor(std::move(arguments.spec), std::move(*page),
                                                    Channel(UniqueFd(arguments.guardian_fd)), std::move(captured)));
    if (auto ready = made->prepare(); !ready) return tl::unexpected<Error>(ready.error());
    return made;
}

Result<void> Supervisor::prepare() {
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    loop_ = std::move(*loop);
    auto signals = SignalSource::create(*loop_, [this](const signalfd_siginfo& info) { on_signal(info); });
    if (!signals) return tl::unexpected<Error>(signals.error());
    signals_ = std::move(*signals);
    auto deadline = Timer::create(*loop_, [this] { on_deadline(); });
    if (!deadline) return tl::unexpected<Error>(deadline.error());
    deadline_ = std::move(*deadline);
    auto kill_again = Timer::create(*loop_, [this] { on_kill_again(); });
    if (!kill_again) return tl::unexpected<Error>(kill_again.error());
    kill_again_ = std::move(*kill_again);
    auto dead_man = DeadManTimer::create();
    if (!dead_man) return tl::unexpected<Error>(dead_man.error());
    dead_man_ = std::move(*dead_man);
    if (auto ready = prepare_hooks(); !ready) return ready;
    if (auto ready = prepare_probes(); !ready) return ready;
    if (auto ready = prepare_standby(); !ready) return ready;
    return loop_->watch(guardian_.fd(), EPOLLIN, [this](std::uint32_t) { on_guardian(); });
}

int Supervisor::run() {
    auto done = loop_->run();
    if (done) return 0;
    log::error("{}; the supervisor ends, the guardian empties the workload's tree", done.error().message);
    return kFailed;
}

// ---- events -------------------------------------------------------------------------------------------------------

void Supervisor::on_signal(const signalfd_siginfo& info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
        on_children();
        notice_job_control();
        settle();
    } else if (signal != SIGPIPE) {
        log::info("{} from process {} ignored by the supervisor; send it to the guardian", signal_name(signal),
                  info.ssi_pid);
    }
}

void Supervisor::on_guardian() {
    keep_deadlines();
    bool gone = false;
    while (guardian_ && !gone) {
        auto received = next_message(guardian_, gone);
        if (!received) break;
        from_guardian(std::move(*received));
    }
    if (gone) guardian_is_gone();
    settle();
}

void Supervisor::from_guardian(Received received) {
    if (const auto* stop = std::get_if<StopMessage>(&received.message)) {
        stop_requested_ = true;
        if (machine_.between_trees() && last_status_) tell_guardian(WorkloadEndedMessage{*last_status_});
        if (stop->mode == StopMode::kill) standby_.machine.hurry();
        perform(machine_.on_stop(now(), stop->mode));
    } else if (const auto* signal = std::get_if<SignalMessage>(&received.message)) {
        signal_workload(signal->signal);
    } else if (std::holds_alternative<ResumedMessage>(received.message)) {
        if (suspensions_ > 0) --suspensions_;
    } else if (std::holds_alternative<NewPeerMessage>(received.message) && received.fd) {
        if (agent_) on_agent();  // what the last one still said
        if (agent_) loop_->unwatch(agent_.fd());
        agent_ = Channel(std::move(received.fd));
        nothing_is_left_for_.reset();
        unsent_.clear();
        listen_to_agent();
        const std::optional<Instant> executed_at = tree_ ? tree_->executed_at : std::nullopt;
        tell_agent(HelloMessage{machine_.phase(), machine_.grant(), machine_.closed_through(),
                                tree_ && tree_->main > 0 ? std::int64_t{tree_->main} : 0, machine_.goes_on(),
                                machine_.paused(), tree_ && tree_->ready, executed_at.has_value(),
                                executed_at.value_or(Instant{})});
        welcome_agent_to_standby();
    } else if (std::holds_alternative<NewSpecMessage>(received.message)) {
        change_to(read_launch_spec(received.fd.get()));
    } else {
        log::error("the guardian sent a message that is not for the supervisor; ignored");
    }
}

void Supervisor::guardian_is_gone() {
    if (machine_.accepts_terms()) log::warn("the guardian is gone; the supervisor stops the workload and ends");
    loop_->unwatch(guardian_.fd());
    guardian_.close();
    perform(machine_.on_stop(now(), StopMode::orderly));
}

void Supervisor::on_agent() {
    keep_deadlines();
    bool gone = false;
    while (agent_ && !gone) {
        auto received = next_message(agent_, gone);
        if (!received) break;
        from_agent(received->message);
    }
    if (gone) {
        log::info("the connection to the agent has ended; the deadlines stand");
        loop_->unwatch(agent_.fd());
        agent_.close();
        unsent_.clear();
    }
    send_unsent();
    settle();
}

void Supervisor::from_agent(const Message& message) {
    if (const auto* granted = std::get_if<GrantMessage>(&message)) {
        perform(machine_.on_grant(now(), granted->grant));
    } else if (const auto* prepare = std::get_if<PrepareMessage>(&message)) {
        nothing_is_left_for_.reset();
        if (!tree_ && containment_->nothing_is_left()) nothing_is_left_for_ = prepare->term;
    } else if (const auto* revoke = std::get_if<RevokeMessage>(&message)) {
        perform(machine_.on_revoke(now(), revoke->term, revoke->mode));
    } else if (const auto* restart = std::get_if<RestartMessage>(&message)) {
        restart_workload(restart->term);
    } else if (const auto* standing = std::get_if<StandingMessage>(&message)) {
        hear_standing(*standing);
    } else if (const auto* pause = std::get_if<PauseMessage>(&message)) {
        standby_.machine.on_pause(pause->paused);
        perform(machine_.on_pause(now(), pause->paused));
        log::info("{}", pause->paused ? "paused: an end of the workload has no consequences until that is over"
                                      : "no longer paused");
    } else if (const auto* sick = std::get_if<UnhealthyMessage>(&message)) {
        unhealthy(*sick);
    } else if (const auto* ready = std::get_if<ReadyMessage>(&message)) {
        if (is_running(ready->term, ready->pid)) workload_is_ready();
    } else if (const auto* ping = std::get_if<PingMessage>(&message)) {
        tell_agent(PongMessage{ping->number});
    } else {
        log::error("the agent sent a message that is not for the supervisor; ignored");
    }
}

void Supervisor::restart_workload(Term term) {
    if (term == 0) return standby_.machine.on_restart(now());
    Actions actions;
    const bool restarts = term == machine_.term() && machine_.on_restart(now(), actions);
    perform(actions);
    log::info("asked to start the workload anew{}", restarts ? "" : ", but its term is over, or ends");
}

// What ends the tree, and what follows, counts at once, and so does the time that a kill may take: the agent to come
// grants by it. What the workload is made of does not change while it runs.
void Supervisor::change_to(Result<LaunchSpec> next) {
    if (!next) return log::error("the new configuration: {}", next.error().message);
    log::init(next->logging, "supervisor");
    machine_.change(next->workload.stop.grace_period, next->recheck, next->workload.restart,
                    !next->workload.stop.command.empty());
    spec_.workload.stop = next->workload.stop;
    spec_.workload.signals = next->workload.signals;
    spec_.kill_allowance = next->kill_allowance;
    change_probe(Probed::ready, next->workload.ready.probe);
    change_probe(Probed::health, next->workload.health);
    change_candidacy(next->workload.candidacy);
    standby_.machine.change(next->workload.restart, next->workload.stop.grace_period);
    next_spec_ = std::move(*next);
    if (!tree_) take_the_next_spec();
}

// To a workload that is somebody else now, so that it can open /dev/stdout anew (supervisor/output_helper.cpp).
void Supervisor::give_streams_away() const {
    const auto& owner = spec_.attributes.credentials;
    for (const UniqueFd* stream : {&captured_.output, &captured_.errors}) {
        if (!owner || !*stream || fchown(stream->get(), owner->user, owner->group) == 0) continue;
        log::debug("/dev/stdout stays as it is: {}", std::generic_category().message(errno));
    }
}

void Supervisor::take_the_next_spec() {
    if (!next_spec_) return;
    spec_ = std::move(*next_spec_);
    next_spec_.reset();
    machine_.change_hooks(plan_of(spec_.workload.hooks));
    give_streams_away();
    probes_.clear();
    if (auto ready = prepare_probes(); !ready) log::error("{}; the workload is not probed", ready.error().message);
}

void Supervisor::on_deadline() {
    keep_deadlines();
    settle();
}

void Supervisor::keep_deadlines() {
    if (deadlines_are_enforced()) perform(machine_.on_tick(now()));
}

void Supervisor::on_progress() {
    learn_outcome();
    settle();
}

void Supervisor::on_children() {
    keep_deadlines();
    std::optional<Exit> ended;
    std::map<Probed, ExecOutcome> found;
    std::optional<HookEnd> hook_end;
    const auto each = [&](const Exit& exit) {
        if (tree_ && exit.pid == tree_->main) ended = exit;
        if (auto end = hook_reaped(exit)) hook_end = std::move(end);
        for (auto& [what, probe] : probes_) {
            if (const auto outcome = probe.reaped(exit, now())) found.emplace(what, *outcome);
        }
        standby_child_ended(exit);
    };
    const bool none_left = reap(each, {}, [this](pid_t pid) {
        if (hook_) hook_->command.has_ended(pid);
        for (const auto& [what, probe] : probes_) probe.has_ended(pid);
        if (standby_.candidacy) standby_.candidacy->has_ended(pid);
        standby_.hook.has_ended(pid);
    });
    look_whether_standby_is_gone(none_left);
    if (ended) note_end(*ended);
    follow(ended, hook_end, none_left);
    for (const auto& [what, outcome] : found) heard(what, outcome);
    settle();
}

void Supervisor::follow(const std::optional<Exit>& ended, const std::optional<HookEnd>& hook_end, bool none_left) {
    const bool prepared = hook_end && hook_end->which == Hook::before_start && hook_end->passed();
    if (!prepared && tree_ && tree_->waiting) return start_when_clear();
    if (!prepared && tree_ && containment_->empty(none_left)) {
        log_hook_end(hook_end);
        return tree_is_empty();
    }
    // The workload's end first: nothing is executed beside one that has ended. Without a status nothing was executed,
    // for lack of time: that is no end of the workload's.
    if (ended && tree_) {
        perform(tree_->status ? machine_.on_main_exited(now(), *tree_->status) : machine_.on_not_executed(now()));
    }
    if (hook_end) perform(machine_.on_hook_ended(now(), hook_end->which, hook_end->passed()));
    // Whoever has just ended left its own children to us.
    const bool killing = tree_ && machine_.phase() == TermMachine::Phase::killing;
    if (killing && !kill_rhythm_.rests(now())) kill_pass(tree_->main, sweep_now());
    log_hook_end(hook_end);
}

void Supervisor::note_end(const Exit& exit) {
    tree_->main = -1;
    tree_->over = true;
    main_is_stopped_ = false;
    learn_outcome();  // an execution that failed has left its reason behind
    if (tree_->outcome && tree_->outcome->kind == SpawnOutcome::Kind::executed) tree_->status = exit.status;
    let_tree_end();
    main_exited(exit.by_signal);
}

void Supervisor::settle() {
    let_tree_end();
    mind_standby();
    mind_probes();
    std::optional<Duration> wait = deadlines_are_enforced() ? machine_.wake(now()) : std::nullopt;
    if (wake_guardian()) wait = std::min<Duration>(wait.value_or(kWakeAgain), kWakeAgain);
    if (wait) {
        deadline_->arm_in(*wait);
    } else {
        deadline_->disarm();
    }
    arm_dead_man();
    if (!guardian_ && !tree_ && !standby_.machine.alive()) loop_->stop();
}

// While it kills, and so runs, it has until after its next pass.
void Supervisor::arm_dead_man() {
    if (machine_.phase() == TermMachine::Phase::idle || !deadlines_are_enforced()) return dead_man_->disarm();
    const bool killing = machine_.phase() == TermMachine::Phase::killing;
    const Duration left = std::max<Duration>(left_on_any_clock(machine_.grant().hard, now()), Duration(0));
    const Duration slack = killing ? spec_.kill_allowance + kill_rhythm_.pause() : spec_.kill_allowance / 2;
    dead_man_->arm_in(DeadManTimer::delay_for(left, slack));
}

// ---- what it says -------------------------------------------------------------------------------------------------

// What an agent that is slow to read must not miss waits here for room in its queue; what is said again soon does not.
void Supervisor::tell_agent(const Message& message) {
    if (!agent_) return;
    if (unsent_.empty()) {
        const auto sent = agent_.send(message);
        if (sent || sent.error().code != EAGAIN) return;  // that it is gone will be heard from its socket
    }
    const bool can_be_missed =
        std::holds_alternative<PongMessage>(message) || std::holds_alternative<ProbedMessage>(message);
    if (can_be_missed || unsent_.size() >= kMostUnsent) return;
    log::warn("the agent does not read what the supervisor tells it; going on without it");
    unsent_.push_back(message);
    listen_to_agent();
}

void Supervisor::listen_to_agent() {
    const std::uint32_t events = unsent_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
    auto watched = loop_->watch(agent_.fd(), events, [this](std::uint32_t) { on_agent(); });
    if (!watched) log::error("cannot listen to the agent: {}", watched.error().message);
}

void Supervisor::send_unsent() {
    if (unsent_.empty()) return;
    while (!unsent_.empty() && agent_.send(unsent_.front())) unsent_.pop_front();
    if (unsent_.empty()) listen_to_agent();
}

void Supervisor::tell_guardian(const Message& message) {
    if (!guardian_) return;
    if (auto sent = guardian_.send(message); !sent) log::error("to the guardian: {}", sent.error().message);
}

namespace {

int run_supervisor(RoleArguments arguments) {
    lay_down_as_supervising(arguments.spec.containment.method == ContainmentMethod::pid_namespace);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        log::error("cannot become a subreaper: {}", std::generic_category().message(errno));
        return kFailed;
    }
    auto supervisor = Supervisor::create(std::move(arguments));
    if (!supervisor) {
        log::error("{}", supervisor.error().message);
        return kFailed;
    }
    return (*supervisor)->run();
}

}  // namespace

int supervisor_main(const std::vector<std::string>& arguments) {
    prctl(PR_SET_NAME, "leasehold-super");
    take_signals();
    auto parsed = parse_role_arguments(arguments);
    if (!parsed) {
        log::error("{}", parsed.error().message);
        return kFailed;
    }
    log::init(parsed->spec.logging, "supervisor");
    protect_supervisor(parsed->spec.protection);
    return run_supervisor(std::move(*parsed));
}

int first_supervisor_main(RoleArguments arguments) {
    prctl(PR_SET_NAME, "leasehold-super");
    log::init(arguments.spec.logging, "supervisor");
    protect_first_supervisor(arguments.spec.protection);
    return run_supervisor(std::move(arguments));
}

}  // namespace leasehold::supervisor
