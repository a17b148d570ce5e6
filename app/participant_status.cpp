// SPDX-License-Identifier: Apache-2.0
//
// What is shown of a participant's state.
#include "app/participant.h"
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

metrics::StatusView Participant::status() {
    metrics::StatusView view;
    view.version = app::version();
    view.identity = options().identity;
    view.election = options().election.name;
    view.store = store_->describe();
    view.role = "standby";
    view.store_answered = store_answered_;
    view.role_since_unix_seconds = role_since_;
    view.last_end = last_end_;
    view.last_errors = journal_.errors();
    view.journal = journal_.entries();
    if (driver_) describe_election(view);
    if (hooks_.picture) hooks_.picture(view);
    metrics_->set_leading(view.leading);
    metrics_->set_paused(view.paused);
    metrics_->set_contending(view.hindrances.empty());
    return view;
}

void Participant::describe_election(metrics::StatusView& view) const {
    const Instant at = now();
    view.role = name_of(election().role());
    if (const auto& grant = election().grant()) {
        view.leading = election().role() == election::Role::leader && !reached_on_any_clock(grant->soft, at);
        if (election().role() == election::Role::leader && !view.leading) view.role = name_of(election::Role::stopping);
        view.term = grant->term;
        view.fencing_token = grant->token;
        view.transitions = grant->transitions;
        view.soft_in_seconds = seconds(left_on_any_clock(grant->soft, at));
        view.hard_in_seconds = seconds(left_on_any_clock(grant->hard, at));
        const Duration margin = options().election.timing.margin();
        view.renewed_within_lease = left_on_any_clock(grant->hard + margin, at) > Duration::zero();
        view.holder = view.leading ? options().identity : "";
        view.holder_fresh = view.leading;
        if (view.leading) {
            view.holder_since_unix_seconds = role_since_;
            view.lease_left_seconds = seconds(left_on_any_clock(grant->hard + margin, at));
            view.lease_duration_seconds = seconds(options().election.timing.lease_duration);
        }
        return;
    }
    if (const auto free = election().free_in(at)) view.free_in_seconds = seconds(*free);
    if (const auto& seen = election().seen()) {
        const election::Record& record = seen->record;
        view.transitions = record.transitions;
        // A record with our own name is of a term that has ended or of an earlier start: somebody else may hold the
        // lease before it looks old from here.
        view.holder_fresh = record.holder != options().identity && seen->presence == election::Presence::present &&
                            !record.released && elapsed_at_most(election().seen_at(), at) < record.lease_duration;
        if (!view.holder_fresh) return;
        view.holder = record.holder;
        view.lease_duration_seconds = seconds(record.lease_duration);
        view.lease_left_seconds = seconds(record.lease_duration - elapsed_at_most(election().seen_at(), at));
        if (record.acquire_time_us > 0) {
            view.holder_since_unix_seconds = static_cast<double>(record.acquire_time_us) / 1e6;
        }
    }
}

}  // namespace leasehold::app
