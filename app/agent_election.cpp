// SPDX-License-Identifier: Apache-2.0
//
// What the agent does about the election's commands.
#include <unistd.h>

#include "app/agent.h"
#include "app/exit_status.h"
#include "base/clock.h"

namespace leasehold::app {

Participant::Hooks Agent::hooks() {
    return {
        .grant = [this](const election::Grant& wanted) { grant(wanted); },
        .revoke = [this](const election::Revoke& wanted) { revoke(wanted); },
        .acquiring = [this](election::Term term) { send_supervisor(supervisor::PrepareMessage{term}); },
        .finished = [this] { leave(0); },
        .noted =
            [this](const election::Note& note) {
                if (note.decision == election::Decision::acquired) wait_timer_.reset();
            },
        .stepped = [this] { stepped(); },
        .picture = [this](metrics::StatusView& view) { complete_picture(view); },
        .cannot_serve = [this] { leave(kLeaseholdFailed); },
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

// Traffic is taken away before the workload is asked to stop, but not for long, and not when there is no time for it.
void Agent::revoke(const election::Revoke& wanted) {
    using supervisor::StopMode;
    const StopMode mode = wanted.mode == election::RevokeMode::kill ? StopMode::kill : StopMode::orderly;
    participant_->hide_role(wanted, hurry_, [this, term = wanted.term, mode] {
        send_supervisor(supervisor::RevokeMessage{term, mode});
    });
}

// Keeps the page in step with the election: what the next agent would have to know.
void Agent::stepped() {
    const election::Election& election = participant_->election();
    page_->publish_last_version(election.last_version());
    if (!election.grant()) page_->end_through(page_->grant().term);
    // Asked to hurry: the release gets one more moment once the tree is empty, and nothing else is waited for.
    if (hurry_ && !participant_->tree_may_be_alive()) {
        hurry_ = false;
        hurry_timer_->arm_in(std::chrono::seconds(1));
    }
    rest_if_resigned();
    tell_standing();
}

// What the helper has counted, and kept.
void Agent::show_output(metrics::StatusView& view) const {
    if (!output_) return;
    view.workload_last_output = output_->last_lines();
    for (const supervisor::OutputStream stream : supervisor::kOutputStreams) {
        const supervisor::OutputCounts counts = output_->counts(stream);
        participant_->metrics().set_workload_output(name_of(stream), static_cast<double>(counts.lines),
                                                    static_cast<double>(counts.bytes),
                                                    static_cast<double>(counts.dropped_lines));
    }
}

void Agent::complete_picture(metrics::StatusView& view) const {
    show_output(view);
    if (getppid() == guardian_pid_) participant_->metrics().set_process("guardian", guardian_pid_);
    participant_->metrics().set_process("supervisor", page_->supervisor_process());
    view.supervisor_connected = supervisor_ && !supervisor_pulse_.silent();
    view.last_reload = last_reload_;
    view.paused = paused();
    view.hindrances = hindrances_in_words();
    view.workload_state = workload_state_;
    view.workload_hook = hook_;
    view.workload_pid = workload_pid_;
    view.workload_last_exit_code = workload_last_exit_code_;
    const bool may_be_unready = participant_->options().workload.ready.probe.given;
    view.workload_ready = !may_be_unready || readiness_->ready();
    view.readiness = readiness_->words();
    view.workload_status = readiness_->status();
    view.health = health_state_.words;
    view.candidacy = candidacy_state_.words;
    if (participant_->options().workload.standby_command.empty() && standby_.pid == 0) return;
    view.standby = metrics::StandbyView{standby_.state, standby_.pid, standby_.last_exit_code};
}

}  // namespace leasehold::app
