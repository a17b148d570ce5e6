// SPDX-License-Identifier: Apache-2.0
//
// Whether the workload is ready, whether it is healthy, and whether this candidate may contend.
#include "app/agent.h"

namespace leasehold::app {
namespace {

const char* consequence_of(supervisor::AfterUnhealthy then) {
    return then == supervisor::AfterUnhealthy::restart ? "the workload is stopped, and started again"
                                                       : "the workload is stopped, then another candidate leads";
}

}  // namespace

Result<void> Agent::set_up_probes(const supervisor::WorkloadOptions& workload) {
    if (auto done = set_up_readiness(workload.ready); !done) return done;
    auto health = Prober::create(*loop_, workload.health, [this](const ProbeNews& news) { hear_health(news); });
    if (!health) return tl::unexpected<Error>(health.error());
    health_ = std::move(*health);
    auto candidacy =
        Prober::create(*loop_, workload.candidacy, [this](const ProbeNews& news) { hear_candidacy(news); });
    if (!candidacy) return tl::unexpected<Error>(candidacy.error());
    candidacy_ = std::move(*candidacy);
    candidacy_state_.forget(workload.candidacy.given);
    if (!workload.candidacy.given) return {};
    hindrances_.insert(kCandidacy);  // until it has passed
    if (candidacy_) candidacy_->begin();
    return {};
}

Result<void> Agent::set_up_readiness(const supervisor::ReadyOptions& ready) {
    Readiness::Hooks hooks{
        .say = [this](const Sentence& sentence) { participant_->journal().add(sentence); },
        .ready = [this] { workload_is_ready(); },
        .never_ready = [this] { tell_unhealthy(workload_pid_, supervisor::UnhealthyMessage::Reason::never_ready); },
    };
    auto made = Readiness::create(*loop_, ready, UniqueFd(launch_.spec.notices_fd), std::move(hooks));
    if (!made) return tl::unexpected<Error>(made.error());
    readiness_ = std::move(*made);
    return {};
}

void Agent::begin_workload(std::int64_t pid, Instant executed_at, bool ready) {
    workload_pid_ = pid;
    workload_state_ = "starting";
    readiness_->begin(static_cast<pid_t>(pid), executed_at, ready);
}

// The supervisor remembers it for the next agent, which is not to ask again. The start may have crossed a revocation:
// then nobody is to be sent here any more.
void Agent::workload_is_ready() {
    workload_state_ = "running";
    send_supervisor(supervisor::ReadyMessage{page_->grant().term, workload_pid_});
    const bool leading = participant_->started() && participant_->election().role() == election::Role::leader;
    if (leading) participant_->show_role(true);
    participant_->metrics().set_workload_state(workload_state_);
    mind_health();
}

// What follows is for the supervisor to do, which alone knows whether it is still the same workload, and whether its
// time is counted (a shell may have stopped it).
void Agent::tell_unhealthy(std::int64_t pid, supervisor::UnhealthyMessage::Reason reason) {
    send_supervisor(supervisor::UnhealthyMessage{page_->grant().term, pid, reason});
}

// After all that the supervisor says.
void Agent::mind_readiness() {
    if (!supervisor_ || workload_pid_ == 0) return readiness_->end();
    if (workload_state_ != "starting" && workload_state_ != "running") readiness_->stopping();
}

// After all that the supervisor says: of a workload that is ending nothing is asked.
void Agent::mind_health() {
    const std::int64_t pid = supervisor_ && workload_state_ == "running" ? workload_pid_ : 0;
    if (pid == probed_pid_) return;
    probed_pid_ = pid;
    health_state_.forget(pid != 0 && participant_->options().workload.health.given);
    if (!health_) return;
    pid != 0 ? health_->begin() : health_->end();
}

void Agent::hear_health(const ProbeNews& news) {
    const auto sentence =
        health_state_.take(news, "health", consequence_of(participant_->options().workload.health.then));
    if (sentence) participant_->journal().add(*sentence);
    if (health_state_.failing) tell_unhealthy(probed_pid_, supervisor::UnhealthyMessage::Reason::probe);
}

void Agent::hear_exec_probe(const supervisor::ProbedMessage& probed) {
    const supervisor::WorkloadOptions& workload = participant_->options().workload;
    if (probed.what == supervisor::Probed::ready) {
        if (probed.pid == workload_pid_) readiness_->probed(news_of(probed.outcome, workload.ready.probe));
        return;
    }
    if (probed.what == supervisor::Probed::candidacy) {
        if (!workload.candidacy.exec.empty()) hear_candidacy(news_of(probed.outcome, workload.candidacy));
        return;
    }
    if (probed.pid != probed_pid_) return;
    const supervisor::ProbeOptions& options = workload.health;
    const auto sentence = health_state_.take(news_of(probed.outcome, options), "health", consequence_of(options.then));
    if (sentence) participant_->journal().add(*sentence);
}

// Who leads already, goes on.
void Agent::hear_candidacy(const ProbeNews& news) {
    using State = supervisor::ProbeJudge::State;
    const bool leads = participant_->started() && participant_->election().grant();
    const auto sentence = candidacy_state_.take(
        news, kCandidacy, leads ? "leading all the same, but not contending after that" : "not contending");
    if (sentence) participant_->journal().add(*sentence);
    if (news.state != State::unknown) hinder(kCandidacy, news.state == State::failing);
    tell_standing();
}

}  // namespace leasehold::app
