// SPDX-License-Identifier: Apache-2.0
//
// What the supervisor is told while another leads, and what it says of what it executes then.
#include <algorithm>
#include <utility>

#include "app/agent.h"
#include "base/clock.h"
#include "base/duration_text.h"

namespace leasehold::app {
namespace {

using State = supervisor::StandbyMessage::State;

const char* name_of(State state) {
    switch (state) {
        case State::stopped: return "stopped";
        case State::running: return "running";
        case State::stopping: return "stopping";
        case State::backoff: return "backoff";
    }
    return "stopped";
}

}  // namespace

// Another candidate holds the lease, or this one does not contend. Not yet, as long as it may find the lease free: the
// workload is not to wait for the end of something that was only just started. Of a record with our own name nothing
// is known: it may be of an earlier start.
bool Agent::waits_as_standby() const {
    if (stop_requested_ || !participant_->started()) return false;
    if (participant_->election().role() != election::Role::standby) return false;
    for (const std::string& what : hindrances_) {
        if (what == kNoSupervisor) continue;
        if (what != kCandidacy || candidacy_state_.failures_seen) return true;
    }
    return !other_holder().empty();
}

// Whoever stands in the record, even when it is old: until somebody else is seen, nobody else leads.
std::string Agent::other_holder() const {
    const auto& seen = participant_->election().seen();
    if (!seen || seen->presence != election::Presence::present || seen->record.released) return {};
    return seen->record.holder == participant_->options().identity ? std::string() : seen->record.holder;
}

void Agent::tell_standing() {
    if (!supervisor_ || !participant_->started()) return;
    const bool leads = participant_->election().role() == election::Role::leader;
    std::string leader = leads ? participant_->options().identity : other_holder();
    if (leader.empty()) leader = last_leader_;
    const Standing standing{waits_as_standby(), leader};
    if (told_standing_ == standing) return;
    supervisor::StandingMessage message;
    message.standby = standing.standby;
    message.news = leader != last_leader_;
    std::copy_n(leader.begin(), std::min(leader.size(), message.leader.size()), message.leader.begin());
    if (!send_supervisor(message)) return;
    told_standing_ = standing;
    last_leader_ = leader;
}

void Agent::hear_of_standby(const supervisor::StandbyMessage& message) {
    const bool started = message.state == State::running && message.pid != standby_.pid;
    const bool is_over = message.has_ended && message.pid == 0;
    const bool ended = is_over && std::exchange(standby_.ended_start, message.starts) != message.starts;
    standby_.state = name_of(message.state);
    standby_.pid = message.pid;
    if (message.has_ended) standby_.last_exit_code = message.exit_status;
    if (message.repeated) return;
    if (ended || started) standby_.end_to_follow_up = ended;
    Journal& journal = participant_->journal();
    if (started) journal.add({log::Level::info, fmt::format("started the standby command, process {}", message.pid)});
    if (message.state == State::backoff) {
        if (!std::exchange(standby_.end_to_follow_up, false)) return;  // it has paused before, and goes on with that
        const std::string pause = to_rounded_text(message.start_in);
        const std::string what =
            message.executed
                ? fmt::format("ended with status {}; started again in {}", message.exit_status, pause)
                : fmt::format("cannot be executed (status {}); tried again in {}", message.exit_status, pause);
        journal.add({log::Level::warn, "the standby command " + what, "standby command"});
    } else if (ended) {
        journal.add({log::Level::info, fmt::format("the standby command ended with status {}", message.exit_status)});
    }
}

}  // namespace leasehold::app
