// SPDX-License-Identifier: Apache-2.0
#include "app/participant.h"

#include <utility>

#include "app/http_protection.h"
#include "app/store_choice.h"
#include "app/version.h"
#include "base/clock.h"
#include "supervisor/containment.h"

namespace leasehold::app {
namespace {

// How long the end of the process waits for the Event that tells of it.
constexpr Duration kLastWord = std::chrono::milliseconds(500);

// How long a leader that is to stop in order waits for its pod's label.
constexpr Duration kRoleLimit = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<Participant>> Participant::create(EventLoop& loop, Settings settings, Hooks hooks) {
    std::unique_ptr<Participant> participant(new Participant(loop, std::move(settings), std::move(hooks)));
    if (auto done = participant->set_up(); !done) return tl::unexpected<Error>(done.error());
    return participant;
}

Result<void> Participant::set_up() {
    const election::Timing& timing = options().election.timing;
    metrics_ = std::make_unique<metrics::Metrics>(
        metrics::MetricLabels{options().election.name, app::version(), app::revision()});
    metrics_->set_timing(timing.lease_duration, timing.renew_deadline);

    auto leave = Timer::create(loop_, [this] { take_leave(); });
    if (!leave) return tl::unexpected<Error>(leave.error());
    leave_timer_ = std::move(*leave);

    auto store = open_store(loop_, options(), incarnation() + '-' + std::to_string(settings_.agent_number));
    if (!store) return tl::unexpected<Error>(store.error());
    const std::string mark =
        store->lock_id.empty() ? "" : supervisor::lock_mark_of(options().election.name, store->lock_id);
    if (!settings_.lock_mark.empty() && !mark.empty() && mark != settings_.lock_mark) {
        return failure("the kubeconfig means another cluster or namespace than when leasehold was started: " +
                       store->store->describe() + "; put it right, or stop leasehold");
    }
    store_ = std::move(store->store);
    announcer_ = std::move(store->announcer);
    return serve_http_soon();
}

// The library that serves takes milliseconds to be loaded. A lease that nobody else holds is acquired meanwhile, and
// the workload started; who has connected already waits at the socket, which is open.
Result<void> Participant::serve_http_soon() {
    constexpr Duration kMoment = std::chrono::milliseconds(20);
    if (settings_.listeners.empty()) return {};
    auto timer = Timer::create(loop_, [this] { serve_http(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    http_timer_ = std::move(*timer);
    http_timer_->arm_in(kMoment);
    return {};
}

void Participant::serve_http() {
    for (const UniqueFd& listener : settings_.listeners) {
        log::info("serving {} on {}", options().http.tls.given ? "https" : "http",
                  metrics::local_address(listener.get()));
    }
    HttpProtection protection = protect_http(options().http);
    auto handler = metrics::make_handler(
        *metrics_, [this] { return status(); }, std::move(protection.token));
    auto server = metrics::HttpServer::start(loop_, std::move(settings_.listeners), std::move(handler), {},
                                             std::move(protection.tls));
    if (server) {
        http_ = std::move(*server);
        return;
    }
    log::error("{}", server.error().message);
    hooks_.cannot_serve();
}

Result<void> Participant::start(const election::Past& past) {
    election::Settings settings;
    settings.identity = options().identity;
    settings.incarnation = incarnation();
    settings.agent = settings_.agent_number;
    settings.timing = options().election.timing;
    settings.seed = std::hash<std::string>{}(settings.incarnation) + settings.agent;
    auto driver = Driver::create(loop_, *store_, election::Election(std::move(settings), past, now()), driver_hooks());
    if (!driver) return tl::unexpected<Error>(driver.error());
    driver_ = std::move(*driver);
    log::info("candidate {} in election {} on {}", options().identity, options().election.name, store_->describe());
    driver_->start();
    return {};
}

Driver::Hooks Participant::driver_hooks() {
    return {
        .grant = hooks_.grant,
        .revoke = hooks_.revoke,
        .acquiring = hooks_.acquiring,
        .note = [this](const election::Note& decision) { note(decision); },
        .finished = [this] { finish(); },
        .request = [this](const char* operation, const std::string& code, Duration took,
                          const std::string& detail) { request_done(operation, code, took, detail); },
        .watch_broken = [this](const std::string& reason) { watch_broken(reason); },
        .renewed = [this](Instant sent, Duration took) { renewed(sent, took); },
        .stepped = [this] { stepped(); },
    };
}

void Participant::note(const election::Note& note) {
    journal_.add(describe(note, settings_.has_workload));
    if (note.decision == election::Decision::acquired) metrics_->acquired();
    if (announcer_ && note.decision == election::Decision::acquired) announcer_->became_leader();
    if (note.decision == election::Decision::renew_failed) {
        metrics_->renew_failed(note.detail.substr(0, note.detail.find(':')));
    }
    if (const std::string reason = loss_reason(note.decision); !reason.empty()) {
        metrics_->lost(reason);
        end_untold_ = true;
    }
    if (note.decision == election::Decision::released) {
        last_end_ = {note.term, true};
        leaves_later_ = told_to_end_;
    }
    if (note.decision == election::Decision::stopping_on_request) told_to_end_ = true;
    if (note.decision == election::Decision::release_abandoned) last_end_ = {note.term, false};
    if (hooks_.noted) hooks_.noted(note);
}

void Participant::request_done(const char* operation, const std::string& code, Duration took,
                               const std::string& detail) {
    metrics_->store_request(operation, code, took);
    if (code == "ok" || code == "conflict") {
        store_answered_ = true;
        return;
    }
    const std::string text = fmt::format("{}: {} failed ({}): {}", store_->describe(), operation, code, detail);
    log::debug("{}", text);
    journal_.add_error(text);
    // The leader's troubles are told with its renewals. A standby that cannot read would otherwise stay one in silence.
    if (std::string_view(operation) == "read" && !election().grant()) {
        journal_.add({log::Level::warn, "standby: cannot read the record, trying again: " + detail, "read " + code});
    }
}

// One word alone is what happens to every watch now and then.
void Participant::watch_broken(const std::string& reason) {
    const std::size_t colon = reason.find(": ");
    if (colon == std::string::npos) return;
    journal_.add_error(fmt::format("{}: watch failed ({}): {}", store_->describe(), reason.substr(0, colon),
                                   reason.substr(colon + 2)));
}

void Participant::renewed(Instant sent, Duration took) {
    const std::chrono::duration<double> wall = wall_now().time_since_epoch();
    const std::chrono::duration<double> ago = elapsed_at_most(sent, now());
    const std::chrono::duration<double> lease = options().election.timing.lease_duration;
    const double sent_at = wall.count() - ago.count();
    metrics_->renewed(took, sent_at, sent_at + lease.count());
}

// Only once the lease is released: that is what a successor waits for, and it is not to share its connection.
void Participant::tell_of_the_end() {
    if (std::exchange(end_untold_, false) && announcer_) announcer_->stopped_leading();
}

// The election is over. A successor on this machine is about to start: to take down these processes would cost it two
// or three milliseconds, so that comes after it. A command that has ended by itself has somebody who waits for its
// status.
void Participant::finish() {
    constexpr Duration kSuccessorFirst = std::chrono::milliseconds(25);
    if (!leaves_later_) return take_leave();
    leave_timer_->arm_in(kSuccessorFirst);
}

// A last word about the election may still be on its way.
void Participant::take_leave() {
    if (!announcer_) return hooks_.finished();
    tell_of_the_end();
    announcer_->when_events_are_sent(kLastWord, hooks_.finished);
}

void Participant::show_role(bool leader) {
    using stores::kubernetes::Announcer;
    if (announcer_) announcer_->set_pod_role(leader ? Announcer::PodRole::leader : Announcer::PodRole::standby);
}

void Participant::hide_role(const election::Revoke& revoked, bool hurry, std::function<void()> done) {
    show_role(false);
    const auto& grant = election().grant();
    const bool lost = revoked.mode == election::RevokeMode::kill || !grant || reached_on_any_clock(grant->soft, now());
    if (!announcer_ || lost || hurry) return done();
    announcer_->when_pod_role_is_set(kRoleLimit, std::move(done));
}

bool Participant::tree_may_be_alive() const {
    const election::Role role = election().role();
    return role == election::Role::leader || role == election::Role::stopping;
}

void Participant::notice_role() {
    if (shown_role_ == election().role()) return;
    shown_role_ = election().role();
    role_since_ = std::chrono::duration<double>(wall_now().time_since_epoch()).count();
}

// Keeps the picture that others have of us in step with the election.
void Participant::stepped() {
    notice_role();
    if (!tree_may_be_alive() && election().role() != election::Role::releasing) tell_of_the_end();
    if (election().grant()) {
        metrics_->set_transitions(static_cast<double>(election().grant()->transitions));
    } else if (election().seen()) {
        metrics_->set_transitions(static_cast<double>(election().seen()->record.transitions));
    }
    if (hooks_.stepped) hooks_.stepped();
}

}  // namespace leasehold::app
