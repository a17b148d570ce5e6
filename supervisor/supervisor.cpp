// SPDX-License-Identifier: Apache-2.0
#include "supervisor/supervisor.h"

#include <csignal>

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

namespace leasehold::supervisor {
namespace {

constexpr int kFailed = 125;
constexpr int kCannotExecute = 126;
constexpr std::size_t kMostUnsent = 64;

double seconds(Duration length) { return std::chrono::duration<double>(length).count(); }

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

Supervisor::Supervisor(LaunchSpec spec, std::unique_ptr<SharedPage> page, Channel guardian)
    : spec_(std::move(spec)),
      page_(std::move(page)),
      guardian_(std::move(guardian)),
      machine_({spec_.workload.stop.grace_period, std::max<Duration>(spec_.recheck, std::chrono::milliseconds(1)),
                page_->closed_through()}) {}

Result<std::unique_ptr<Supervisor>> Supervisor::create(RoleArguments arguments) {
    if (arguments.page_fd < 0 || arguments.guardian_fd < 0) {
        return failure("the supervisor was started without its descriptors");
    }
    close(arguments.spec_fd);
    auto page = SharedPage::open(arguments.page_fd);
    if (!page) return tl::unexpected<Error>(page.error());
    std::unique_ptr<Supervisor> made(
        new Supervisor(std::move(arguments.spec), std::move(*page), Channel(UniqueFd(arguments.guardian_fd))));
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
    } else if (signal != SIGPIPE) {
        log::info("{} from process {} ignored by the supervisor; send it to the guardian", signal_name(signal),
                  info.ssi_pid);
    }
}

void Supervisor::on_guardian() {
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
        perform(machine_.on_stop(now(), stop->mode));
    } else if (const auto* signal = std::get_if<SignalMessage>(&received.message)) {
        signal_workload(signal->signal);
    } else if (std::holds_alternative<NewPeerMessage>(received.message) && received.fd) {
        if (agent_) loop_->unwatch(agent_.fd());
        agent_ = Channel(std::move(received.fd));
        unsent_.clear();
        listen_to_agent();
        tell_agent(HelloMessage{machine_.phase(), machine_.grant(), machine_.closed_through(),
                                tree_ ? std::int64_t{tree_->main} : 0});
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
    } else if (const auto* revoke = std::get_if<RevokeMessage>(&message)) {
        perform(machine_.on_revoke(now(), revoke->term, revoke->mode));
    } else if (const auto* ping = std::get_if<PingMessage>(&message)) {
        tell_agent(PongMessage{ping->number});
    } else {
        log::error("the agent sent a message that is not for the supervisor; ignored");
    }
}

void Supervisor::on_deadline() {
    perform(machine_.on_tick(now()));
    settle();
}

void Supervisor::on_progress() {
    learn_outcome();
    settle();
}

void Supervisor::on_children() {
    std::optional<Exit> ended;
    const bool none_left = reap([&](const Exit& exit) {
        if (tree_ && exit.pid == tree_->main) ended = exit;
    });
    if (ended) {
        learn_outcome();  // an execution that failed has left its reason behind
        if (tree_->outcome && tree_->outcome->kind == SpawnOutcome::Kind::executed) tree_->status = ended->status;
        tree_->main = -1;
        main_exited(ended->by_signal);
    }
    if (tree_ && tree_->containment->empty(none_left)) {
        tree_is_empty();
    } else if (ended) {
        perform(machine_.on_main_exited(now()));
    } else if (tree_ && machine_.phase() == TermMachine::Phase::killing) {
        kill_pass();  // whoever has just ended left its own children to us
    }
    settle();
}

void Supervisor::settle() {
    if (const auto wait = machine_.wake(now())) {
        deadline_->arm_in(*wait);
    } else {
        deadline_->disarm();
    }
    if (!guardian_ && !tree_) loop_->stop();
}

// ---- the term machine's actions -----------------------------------------------------------------------------------

void Supervisor::perform(const Actions& actions) {
    for (const Action& action : actions) {
        if (const auto* start_it = std::get_if<StartWorkload>(&action)) {
            start(start_it->grant);
        } else if (const auto* empty = std::get_if<ReportEmpty>(&action)) {
            report_empty(empty->term);
        } else if (std::holds_alternative<AskToStop>(action)) {
            ask_to_stop();
        } else {
            kill_tree();
        }
    }
}

void Supervisor::start(const TermGrant& grant) {
    page_->set_populated(true);  // before anything can be alive
    tell_guardian(StartedMessage{grant.term, 0});
    tree_.emplace();
    tree_->term = grant.term;
    tree_->containment = make_subreaper_containment();
    const Executable executable(spec_.workload.command, merged_environment(environ, added_environment(spec_, grant)));
    auto spawned = spawn(executable, *tree_->containment, grant.soft);
    if (!spawned) {
        log::error("the workload cannot be started: {}", spawned.error().message);
        tree_->status = kCannotExecute;
        main_exited(false);
        on_children();
        return;
    }
    tree_->spawned = std::move(*spawned);
    tree_->main = tree_->spawned.pid;
    auto watched = loop_->watch(tree_->spawned.progress.get(), EPOLLIN, [this](std::uint32_t) { on_progress(); });
    if (!watched) log::error("cannot watch the start of the workload: {}", watched.error().message);
}

void Supervisor::learn_outcome() {
    if (!tree_ || tree_->outcome || !tree_->spawned.progress) return;
    tree_->outcome = outcome_of(tree_->spawned);
    if (!tree_->outcome) return;
    loop_->unwatch(tree_->spawned.progress.get());
    tree_->spawned.progress.reset();
    switch (tree_->outcome->kind) {
        case SpawnOutcome::Kind::executed:
            log::info("workload started in term {}: process {}", tree_->term, tree_->spawned.pid);
            tell_agent(StartedMessage{tree_->term, tree_->spawned.pid});
            break;
        case SpawnOutcome::Kind::failed: {
            std::string sentence;
            const std::string path = path_of(merged_environment(environ, spec_.workload.env));
            tree_->status = status_of_failure(spec_.workload.command.front(), path, tree_->outcome->problem, sentence);
            log::error("{}", sentence);
            break;
        }
        case SpawnOutcome::Kind::late:
        case SpawnOutcome::Kind::orphaned:
            log::warn("term {}: the soft instant passed while the workload was being started; it was not executed",
                      tree_->term);
            break;
    }
}

// Signals first, words later: a log on a disk that hangs must not hold a signal up.
void Supervisor::ask_to_stop() {
    if (!tree_) return;
    const int signal = spec_.workload.stop.signal;
    const bool group = tree_->main > 0;
    if (group) {
        signal_workload(signal);
    } else {
        tree_->containment->signal_all(signal);
    }
    if (!tree_->asked_at) {
        tree_->asked_at = now();
        tell_agent(StoppingMessage{tree_->term});
    }
    log::info("asking {} to stop: {}", group ? "the workload's process group" : "what the workload left behind",
              signal_name(signal));
}

void Supervisor::kill_tree() {
    if (!tree_) return;
    kill_pass();
    if (!tree_->asked_at) tree_->asked_at = now();
    kill_rhythm_.restart();
    kill_again_->arm_in(kill_rhythm_.next());
    tell_agent(KilledMessage{tree_->term});
    log::warn("killing the workload's tree (term {}; {:.3f} s to the hard instant)", tree_->term,
              seconds(left_on_any_clock(machine_.grant().hard, now())));
}

// The workload's own process and its group need no search, and are ours until they are reaped.
void Supervisor::kill_pass() {
    if (tree_->main > 0) {
        kill(-tree_->main, SIGKILL);
        kill(tree_->main, SIGKILL);
    }
    tree_->containment->kill_pass();
}

void Supervisor::on_kill_again() {
    on_children();  // reaps, and kills whatever is left
    if (!tree_) return;
    kill_again_->arm_in(kill_rhythm_.next());
    if (!kill_rhythm_.resists()) return;
    log::error(
        "something of the workload's tree cannot be killed (uninterruptible sleep, or a process that leasehold "
        "may not signal); the lease is not released over it; trying on");
}

void Supervisor::report_empty(Term term) {
    page_->close_through(term);  // before anyone can act on the answer
    EmptyMessage empty;
    empty.term = term;
    tell_agent(term == last_empty_.term ? last_empty_ : empty);
}

// ---- helpers ------------------------------------------------------------------------------------------------------

void Supervisor::main_exited(bool by_signal) {
    if (!tree_->status) return;  // nothing was executed, for lack of time
    const bool by_itself = machine_.phase() == TermMachine::Phase::running;
    tree_->ended_by_itself = by_itself;
    log::info("workload ended{} with status {}{}", by_itself ? " by itself" : "", *tree_->status,
              by_signal ? " (" + signal_name(*tree_->status - 128) + ")" : "");
    tell_agent(ExitedMessage{tree_->term, by_signal, *tree_->status});
}

void Supervisor::tree_is_empty() {
    const Tree tree = std::move(*std::exchange(tree_, std::nullopt));
    const Instant at = now();
    last_empty_ = {};
    last_empty_.term = tree.term;
    last_empty_.stop_took = tree.asked_at ? elapsed_at_most(*tree.asked_at, at) : Duration(0);
    last_empty_.lease_left = left_on_any_clock(machine_.grant().hard, at);
    last_empty_.had_tree = true;
    kill_again_->disarm();
    log::info("term {}: nothing of the workload is left, {:.3f} s before the hard instant", tree.term,
              seconds(last_empty_.lease_left));
    page_->set_populated(false);
    // There is no restarting yet: a workload that ends by itself ends leasehold.
    if (tree.ended_by_itself) perform(machine_.on_stop(at, StopMode::orderly));
    // The guardian first: once the agent knows, it may finish, and the guardian would end without having the status.
    if (tree.status && (tree.ended_by_itself || stop_requested_)) tell_guardian(WorkloadEndedMessage{*tree.status});
    perform(machine_.on_tree_empty(at));
}

void Supervisor::signal_workload(int signal) {
    const pid_t main = tree_ ? tree_->main : -1;
    if (main <= 0) {
        log::info("{} has nowhere to go: no workload is running here", signal_name(signal));
        return;
    }
    if (kill(-main, signal) == 0) return;
    if (errno == ESRCH && kill(main, signal) == 0) return;  // it has moved to another process group
    log::error("{} cannot be sent to the workload: {}", signal_name(signal), std::generic_category().message(errno));
}

// What an agent that is slow to read must not miss waits here for room in its queue; answers to pings do not.
void Supervisor::tell_agent(const Message& message) {
    if (!agent_) return;
    if (unsent_.empty()) {
        const auto sent = agent_.send(message);
        if (sent || sent.error().code != EAGAIN) return;  // that it is gone will be heard from its socket
    }
    if (std::holds_alternative<PongMessage>(message) || unsent_.size() >= kMostUnsent) return;
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

int supervisor_main(const std::vector<std::string>& arguments) {
    prctl(PR_SET_NAME, "leasehold-super");
    take_signals();
    auto parsed = parse_role_arguments(arguments);
    if (!parsed) {
        log::error("{}", parsed.error().message);
        return kFailed;
    }
    log::init(parsed->spec.logging, "supervisor");
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        log::error("cannot become a subreaper: {}", std::generic_category().message(errno));
        return kFailed;
    }
    auto supervisor = Supervisor::create(std::move(*parsed));
    if (!supervisor) {
        log::error("{}", supervisor.error().message);
        return kFailed;
    }
    return (*supervisor)->run();
}

}  // namespace leasehold::supervisor
