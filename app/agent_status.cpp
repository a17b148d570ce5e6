// SPDX-License-Identifier: Apache-2.0
//
// What is shown of the agent's state.
#include "app/agent.h"
#include "app/version.h"
#include "base/clock.h"

namespace leasehold::app {
namespace {

const char* name_of(election::Role role) {
    switch (role) {
        case election::Role::standby: return "standby";
        case election::Role::leader: return "leader";
        case election::Role::stopping: return "stopping";
        case election::Role::releasing: return "releasing";
        case election::Role::finished: return "finished";
    }
    return "standby";
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

metrics::StatusView Agent::status() const {
    metrics::StatusView view;
    view.version = app::version();
    view.identity = options_.identity;
    view.election = options_.election.name;
    view.store = store_->describe();
    view.role = "standby";
    view.store_answered = store_answered_;
    view.supervisor_connected = supervisor_ && !supervisor_pulse_.silent();
    view.workload_state = workload_state_;
    view.workload_pid = workload_pid_;
    view.workload_last_exit_code = workload_last_exit_code_;
    view.last_errors = journal_.errors();
    view.journal = journal_.entries();
    if (!driver_) return view;

    const Instant at = now();
    const election::Election& election = driver_->election();
    view.role = name_of(election.role());
    if (const auto& grant = election.grant()) {
        view.leading = election.role() == election::Role::leader && !reached_on_any_clock(grant->soft, at);
        view.term = grant->term;
        view.fencing_token = grant->token;
        view.transitions = grant->transitions;
        view.soft_in_seconds = seconds(left_on_any_clock(grant->soft, at));
        view.hard_in_seconds = seconds(left_on_any_clock(grant->hard, at));
        const Duration margin = options_.election.timing.margin();
        view.renewed_within_lease = left_on_any_clock(grant->hard + margin, at) > Duration::zero();
        view.holder = view.leading ? options_.identity : "";
        view.holder_fresh = view.leading;
        return view;
    }
    if (const auto free = election.free_in(at)) view.free_in_seconds = seconds(*free);
    if (const auto& seen = election.seen()) {
        const election::Record& record = seen->record;
        view.transitions = record.transitions;
        view.holder_fresh = seen->presence == election::Presence::present && !record.released &&
                            elapsed_at_most(election.seen_at(), at) < record.lease_duration;
        if (view.holder_fresh) view.holder = record.holder;
    }
    return view;
}

}  // namespace leasehold::app
