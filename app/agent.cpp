// SPDX-License-Identifier: Apache-2.0
#include "app/agent.h"

#include <csignal>

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/exit_status.h"
#include "app/load.h"
#include "base/sealed_memory.h"
#include "config/config.h"
#include "supervisor/capabilities.h"

namespace leasehold::app {
namespace {

// Signals meant for leasehold go to the guardian, which tells us. A service manager that signals every process of the
// service must not end the agent before the lease is released.
void ignore_signals() {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU}) {
        std::signal(signal, SIG_IGN);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::create(supervisor::AgentLaunch launch, config::Options options) {
    std::unique_ptr<Agent> agent(new Agent(std::move(launch)));
    if (auto done = agent->set_up(std::move(options)); !done) return tl::unexpected<Error>(done.error());
    return agent;
}

Result<void> Agent::set_up(config::Options options) {
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    loop_ = std::move(*loop);
    auto page = supervisor::SharedPage::open(launch_.page_fd);
    if (!page) return tl::unexpected<Error>(page.error());
    page_ = std::move(*page);
    if (launch_.output_page_fd >= 0) {
        auto output = supervisor::OutputPage::open(launch_.output_page_fd);
        if (!output) return tl::unexpected<Error>(output.error());
        output_ = std::move(*output);
    }
    // Before the store, which may bring threads: libcurl is to be loaded while there are none.
    if (auto done = set_up_probes(options.workload); !done) return done;
    if (auto done = set_up_participant(std::move(options)); !done) return done;
    if (auto done = watch_guardian(); !done) return done;
    if (auto done = set_timers(); !done) return done;
    if (auto done = serve_control(); !done) return done;
    on_beat();
    return {};
}

Result<void> Agent::set_up_participant(config::Options options) {
    Participant::Settings settings{.options = std::move(options),
                                   .incarnation = launch_.spec.incarnation,
                                   .agent_number = launch_.agent_number,
                                   .lock_mark = launch_.spec.containment.lock_mark,
                                   .listeners = {}};
    for (const int fd : launch_.spec.listener_fds) settings.listeners.emplace_back(fd);
    auto participant = Participant::create(*loop_, std::move(settings), hooks());
    if (!participant) return tl::unexpected<Error>(participant.error());
    participant_ = std::move(*participant);
    metrics::Metrics& metrics = participant_->metrics();
    metrics.set_agent_restarts(static_cast<double>(page_->agent_restarts()));
    last_reload_ = {launch_.spec.reload, true, launch_.spec.reload_text};
    metrics.set_last_reload(true);
    if (last_reload_.number > 0) {
        participant_->journal().add({log::Level::info, "the configuration has changed: " + last_reload_.text});
    }
    metrics.set_containment(supervisor::name_of(launch_.spec.containment.method));
    metrics.set_workload_state(workload_state_);
    if (participant_->options().workload.candidacy.given) {
        participant_->journal().add({log::Level::info, "candidacy: not contending before the probe has passed"});
    }
    return {};
}

Result<void> Agent::watch_guardian() {
    guardian_ = supervisor::Channel(UniqueFd(launch_.guardian_fd));
    return loop_->watch(guardian_.fd(), EPOLLIN, [this](std::uint32_t) { guardian_readable(); });
}

Result<void> Agent::set_timers() {
    const auto timer = [this](std::unique_ptr<Timer>& place, std::function<void()> callback) {
        return Timer::create(*loop_, std::move(callback)).map([&](auto made) { place = std::move(made); });
    };
    return timer(hurry_timer_, [this] { leave(0); })
        .and_then([&] { return timer(beat_timer_, [this] { on_beat(); }); })
        .and_then([&] { return timer(clear_timer_, [this] { leave_when_clear(); }); })
        .and_then([&] { return timer(rest_timer_, [this] { hinder(kResting, false); }); });
}

int Agent::run() {
    if (launch_.spec.wait_timeout > Duration::zero() && page_->grant().term == 0) {
        auto timer = Timer::create(*loop_, [this] {
            participant_->journal().add({log::Level::error, "gave up waiting for leadership (--wait-timeout)"});
            if (auto sent = guardian_.send(supervisor::GiveUpMessage{kGaveUpWaiting}); !sent) {
                log::error("cannot tell the guardian: {}", sent.error().message);
            }
        });
        if (!timer) {
            log::error("{}", timer.error().message);
            return kLeaseholdFailed;
        }
        wait_timer_ = std::move(*timer);
        wait_timer_->arm_in(launch_.spec.wait_timeout);
    }
    if (auto done = loop_->run(); !done) {
        log::error("{}", done.error().message);
        return kLeaseholdFailed;
    }
    if (status_ == 0) remove_control_socket(participant_->options().control.socket, control_file_);
    return status_;
}

void Agent::guardian_readable() {
    while (guardian_) {
        auto received = guardian_.receive();
        if (!received) {
            // The guardian is gone. The supervisor, if it is alive, is emptying its tree right now and will say so.
            log::error("lost the guardian ({}); stopping", received.error().message);
            loop_->unwatch(guardian_.fd());
            guardian_.close();
            stop(supervisor::StopMode::orderly);
            if (!supervisor_) leave_when_clear();
            return;
        }
        if (!*received) return;
        on_guardian_message(std::move(**received));
    }
}

void Agent::on_guardian_message(supervisor::Received received) {
    if (std::holds_alternative<supervisor::NewPeerMessage>(received.message)) {
        connect_supervisor(std::move(received.fd));
    } else if (const auto* stop_message = std::get_if<supervisor::StopMessage>(&received.message)) {
        stop(stop_message->mode);
    } else if (std::holds_alternative<supervisor::SupervisorGoneMessage>(received.message)) {
        drop_supervisor("the guardian says that it is gone");
    } else if (const auto* emptied = std::get_if<supervisor::TreeEmptiedMessage>(&received.message)) {
        log::warn("the guardian has emptied what the supervisor left behind");
        set_workload_state("stopped");
        workload_pid_ = 0;
        hook_.clear();
        participant_->show_role(false);
        if (participant_->started()) participant_->deliver(election::TreeEmpty{emptied->closed_through});
    } else if (std::holds_alternative<supervisor::ReplacedMessage>(received.message)) {
        log::info("making room for an agent with the new configuration");
        leave(supervisor::kAgentReplaced);
    } else if (const auto* reload = std::get_if<supervisor::ReloadOutcomeMessage>(&received.message)) {
        hear_reload(*reload, received.fd);
    } else if (std::holds_alternative<supervisor::ResistsMessage>(received.message)) {
        on_resisting();
    } else {
        log::warn("unexpected message from the guardian");
    }
}

void Agent::stop(supervisor::StopMode mode) {
    if (mode == supervisor::StopMode::kill) hurry_ = true;
    stop_requested_ = true;
    if (participant_->started()) {
        participant_->deliver(election::StopRequested{});
    } else if (!supervisor_ && page_->grant().term <= page_->ended_through()) {
        leave(0);  // nothing was ever begun; or else the next supervisor tells what there is to end
    }
}

// Nothing has become different, or it was not possible.
void Agent::hear_reload(const supervisor::ReloadOutcomeMessage& outcome, const UniqueFd& text) {
    const auto why = read_sealed(text.get());
    last_reload_ = {outcome.number, !outcome.refused, why ? *why : why.error().message};
    participant_->metrics().set_last_reload(last_reload_.successful);
    participant_->journal().add({outcome.refused ? log::Level::error : log::Level::info,
                                 "the configuration stays as it is: " + last_reload_.text});
}

void Agent::leave(int status) {
    status_ = status;
    loop_->stop();
}

// Credentials of the store are in this process and in no other; an image of it would carry them to a disk. Only the
// soft limit, which whoever looks for a fault can raise again (prlimit(1)).
void leave_no_core() {
    rlimit limit{};
    const bool done = getrlimit(RLIMIT_CORE, &limit) == 0 && (limit.rlim_cur = 0, setrlimit(RLIMIT_CORE, &limit) == 0);
    if (!done) log::debug("RLIMIT_CORE: {}", std::generic_category().message(errno));
}

namespace {

int run_agent(supervisor::AgentLaunch launch, config::Options options) {
    leave_no_core();
    supervisor::lay_down_as_agent();
    auto agent = Agent::create(std::move(launch), std::move(options));
    if (!agent) {
        log::error("{}", agent.error().message);
        return kLeaseholdFailed;
    }
    return (*agent)->run();
}

}  // namespace

int agent_main(const std::vector<std::string>& arguments) {
    prctl(PR_SET_NAME, "leasehold-agent");
    ignore_signals();
    auto launch = supervisor::parse_agent_arguments(arguments);
    if (!launch) {
        log::error("{}", launch.error().message);
        return kLeaseholdFailed;
    }
    log::init(launch->spec.logging, "agent");
    auto options = accepted_options(launch->spec.config_fd);
    if (!options) {
        log::error("{}", options.error().message);
        return kLeaseholdFailed;
    }
    supervisor::protect_agent(launch->spec.protection);
    return run_agent(std::move(*launch), std::move(*options));
}

int first_agent_main(supervisor::AgentLaunch launch, config::Options options) {
    prctl(PR_SET_NAME, "leasehold-agent");
    ignore_signals();
    log::init(launch.spec.logging, "agent");
    supervisor::protect_first_agent(launch.spec.protection);
    return run_agent(std::move(launch), std::move(options));
}

}  // namespace leasehold::app
