// SPDX-License-Identifier: Apache-2.0
#include "app/sidecar.h"

#include <utility>

#include "app/exit_status.h"
#include "app/http_protection.h"
#include "app/identity.h"
#include "app/load.h"
#include "app/store_choice.h"
#include "election/stores/kubernetes/plugin_process.h"
#include "metrics/http_server.h"
#include "supervisor/protection.h"
#include "supervisor/reaper.h"

namespace leasehold::app {
namespace {

// Whatever starts a child of its own (a plugin for credentials) waits for it as soon as it has ended; what is still
// there after this time is nobody's.
constexpr Duration kOrphansWait = std::chrono::seconds(1);

// What the release may still take after the second request to stop.
constexpr Duration kLastMoment = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<Sidecar>> Sidecar::create(Participant::Settings settings) {
    std::unique_ptr<Sidecar> sidecar(new Sidecar);
    if (auto done = sidecar->set_up(std::move(settings)); !done) return tl::unexpected<Error>(done.error());
    return sidecar;
}

Result<void> Sidecar::set_up(Participant::Settings settings) {
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected<Error>(loop.error());
    loop_ = std::move(*loop);
    auto signals = supervisor::SignalSource::create(
        *loop_, [this](const signalfd_siginfo& info) { on_signal(static_cast<int>(info.ssi_signo)); });
    if (!signals) return tl::unexpected<Error>(signals.error());
    signals_ = std::move(*signals);
    auto reap = Timer::create(*loop_, [this] { reap_orphans(); });
    if (!reap) return tl::unexpected<Error>(reap.error());
    reap_timer_ = std::move(*reap);
    auto hurry = Timer::create(*loop_, [this] {
        log::warn("asked to stop a second time; others wait until the lease runs out");
        leave();
    });
    if (!hurry) return tl::unexpected<Error>(hurry.error());
    hurry_timer_ = std::move(*hurry);

    // The picture that others are given of us is all there is of a term: nothing else begins with it or has to end.
    auto participant = Participant::create(*loop_, std::move(settings),
                                           {.grant = [this](const election::Grant& wanted) { grant(wanted); },
                                            .revoke = [this](const election::Revoke& wanted) { revoke(wanted); },
                                            .finished = [this] { leave(); },
                                            .noted = {},
                                            .stepped = {},
                                            .picture =
                                                [](metrics::StatusView& view) {
                                                    view.supervisor_connected.reset();
                                                    view.workload_state.clear();
                                                },
                                            .cannot_serve = [this] { leave(kLeaseholdFailed); }});
    if (!participant) return tl::unexpected<Error>(participant.error());
    participant_ = std::move(*participant);
    return {};
}

int Sidecar::run() {
    reap_orphans();  // that we were given before there was anyone to hear of them
    auto done = participant_->start({});
    if (done) {
        participant_->show_role(false);
        done = loop_->run();
    }
    if (done) return status_;
    log::error("{}", done.error().message);
    return kLeaseholdFailed;
}

// Once a term: every renewal is a grant as well, and what could not be said is tried again without us.
void Sidecar::grant(const election::Grant& wanted) {
    if (std::exchange(shown_term_, wanted.term) != wanted.term) participant_->show_role(true);
}

// From now on nobody is told any more that we lead; who was led here by the pod's label is not to come any more either,
// before the lease may be another's.
void Sidecar::revoke(const election::Revoke& wanted) {
    participant_->hide_role(wanted, stop_requests_ > 1,
                            [this, term = wanted.term] { participant_->deliver(election::TreeEmpty{term}); });
}

void Sidecar::on_signal(int signal) {
    switch (signal) {
        case SIGTERM:
        case SIGINT:
        case SIGQUIT:
            log::info("{} received", supervisor::signal_name(signal));
            stop();
            return;
        case SIGHUP:
            log::warn("SIGHUP received: nothing is read again; to change the configuration, start anew");
            return;
        case SIGCHLD: reap_timer_->arm_in(kOrphansWait); return;
        default: return;  // SIGPIPE, those of a terminal's job control, and what is meant for a workload
    }
}

void Sidecar::stop() {
    switch (++stop_requests_) {
        case 1: participant_->deliver(election::StopRequested{}); return;
        case 2: hurry_timer_->arm_in(kLastMoment); return;
        default: leave();
    }
}

void Sidecar::reap_orphans() {
    supervisor::reap([](const supervisor::Exit& exit) { log::debug("reaped process {}", exit.pid); },
                     stores::kubernetes::PluginProcess::running());
}

int run_sidecar(config::Options options) {
    supervisor::take_signals();  // first: as PID 1 a SIGTERM would otherwise be lost until then
    log::init(options.logging, "sidecar");
    const auto fail = [](const Error& error) {
        complain(error.message);
        return kLeaseholdFailed;
    };
    auto identity = identity_or_made(options.identity);
    if (!identity) return fail(identity.error());
    options.identity = *identity;
    auto incarnation = random_hex(8);
    if (!incarnation) return fail(incarnation.error());
    const auto prepared = prepare_store(options);  // held to the end
    if (!prepared) return fail(prepared.error());
    auto listeners = metrics::open_listeners(options.http.listen);
    if (!listeners) return fail(listeners.error());
    if (auto safe = try_http_protection(options.http); !safe) return fail(safe.error());

    if (options.workload != supervisor::WorkloadOptions{}) {
        log::info("the section workload is not used: a sidecar runs none");
    }
    if (!options.control.socket.empty()) log::info("control.socket is not used: a sidecar has none");
    supervisor::protect_sidecar(options.protection);
    auto sidecar = Sidecar::create({.options = std::move(options),
                                    .incarnation = *incarnation,
                                    .agent_number = 1,
                                    .has_workload = false,
                                    .listeners = std::move(*listeners)});
    if (!sidecar) return fail(sidecar.error());
    return (*sidecar)->run();
}

}  // namespace leasehold::app
