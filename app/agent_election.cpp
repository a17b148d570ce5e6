// SPDX-License-Identifier: Apache-2.0
//
// What the agent does about the election's commands.
#include "app/agent.h"
#include "base/clock.h"

namespace leasehold::app {

Result<void> Agent::start_election(const election::Past& past) {
    election::Settings settings;
    settings.identity = options_.identity;
    settings.incarnation = launch_.spec.incarnation;
    settings.agent = launch_.agent_number;
    settings.timing = options_.election.timing;
    settings.seed = std::hash<std::string>{}(settings.incarnation) + settings.agent;
    auto driver = Driver::create(*loop_, *store_, election::Election(std::move(settings), past, now()), hooks());
    if (!driver) return tl::unexpected<Error>(driver.error());
    driver_ = std::move(*driver);
    log::info("candidate {} in election {} on {}", options_.identity, options_.election.name, store_->describe());
    driver_->start();
    return {};
}

Driver::Hooks Agent::hooks() {
    return {
        .grant = [this](const election::Grant& wanted) { grant(wanted); },
        .revoke = [this](const election::Revoke& wanted) { revoke(wanted); },
        .note = [this](const election::Note& decision) { note(decision); },
        .finished = [this] { leave(0); },
        .request = [this](const char* operation, const std::string& code, Duration took,
                          const std::string& detail) { request_done(operation, code, took, detail); },
        .renewed = [this](Instant sent, Duration took) { renewed(sent, took); },
        .stepped = [this] { stepped(); },
    };
}

// A supervisor that does not answer gets no extension: its tree is to end by the deadlines at the latest.
//
// The page first: from then on the guardian enforces the hard instant, whatever becomes of us and of the message.
void Agent::grant(const election::Grant& wanted) {
    if (supervisor_pulse_.silent() && page_->grant().term == wanted.term) return;
    const supervisor::TermGrant grant{wanted.term, wanted.token, wanted.transitions, wanted.soft, wanted.hard};
    const bool first = page_->grant().term != grant.term;
    page_->publish(grant);
    send_supervisor(supervisor::GrantMessage{grant});
    if (first) on_beat();  // from here on it is asked more often
}

void Agent::revoke(const election::Revoke& wanted) {
    const auto mode =
        wanted.mode == election::RevokeMode::kill ? supervisor::StopMode::kill : supervisor::StopMode::orderly;
    send_supervisor(supervisor::RevokeMessage{wanted.term, mode});
}

void Agent::note(const election::Note& note) {
    journal_.add(describe(note));
    if (note.decision == election::Decision::acquired) {
        metrics_->acquired();
        wait_timer_.reset();
    }
    if (note.decision == election::Decision::renew_failed) {
        metrics_->renew_failed(note.detail.substr(0, note.detail.find(':')));
    }
    if (const std::string reason = loss_reason(note.decision); !reason.empty()) metrics_->lost(reason);
}

void Agent::request_done(const char* operation, const std::string& code, Duration took, const std::string& detail) {
    metrics_->store_request(operation, code, took);
    if (code == "ok" || code == "conflict") {
        store_answered_ = true;
        return;
    }
    const std::string text = fmt::format("{}: {} failed ({}): {}", store_->describe(), operation, code, detail);
    log::debug("{}", text);
    journal_.add_error(text);
}

void Agent::renewed(Instant sent, Duration took) {
    const std::chrono::duration<double> wall = wall_now().time_since_epoch();
    const std::chrono::duration<double> ago = elapsed_at_most(sent, now());
    const std::chrono::duration<double> lease = options_.election.timing.lease_duration;
    const double sent_at = wall.count() - ago.count();
    metrics_->renewed(took, sent_at, sent_at + lease.count());
}

bool Agent::tree_may_be_alive() const {
    const election::Role role = driver_->election().role();
    return role == election::Role::leader || role == election::Role::stopping;
}

// Keeps the picture that others have of us in step with the election.
void Agent::stepped() {
    const election::Election& election = driver_->election();
    page_->publish_last_version(election.last_version());
    if (!election.grant()) page_->end_through(page_->grant().term);
    const bool leading = election.role() == election::Role::leader;
    if (leading != counted_as_leading_) {
        counted_as_leading_ = leading;
        metrics_->set_leading(leading);
    }
    if (election.grant()) {
        metrics_->set_transitions(static_cast<double>(election.grant()->transitions));
    } else if (election.seen()) {
        metrics_->set_transitions(static_cast<double>(election.seen()->record.transitions));
    }
    // Asked to hurry: the release gets one more moment once the tree is empty, and nothing else is waited for.
    if (hurry_ && !tree_may_be_alive()) {
        hurry_ = false;
        hurry_timer_->arm_in(std::chrono::seconds(1));
    }
}

}  // namespace leasehold::app
