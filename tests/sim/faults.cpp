// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/faults.h"

#include <algorithm>
#include <utility>

namespace leasehold::sim {

using election::Presence;
using election::Record;
using election::Snapshot;

void Faults::storm_until(TrueTime end) {
    end_ = end;
    next();
}

void Faults::next() {
    const Duration pause = context_.random.scaled(context_.profile.between_faults, 0.0, 2.0);
    later(pause, [this] {
        if (context_.time.now() >= end_) return;
        double total = 0;
        for (const double weight : context_.profile.weight) total += weight;
        double luck = context_.random.share() * total;
        std::size_t kind = 0;
        while (kind + 1 < kFaultKinds && luck >= context_.profile.weight[kind]) luck -= context_.profile.weight[kind++];
        inject(static_cast<Fault>(kind));
        next();
    });
}

void Faults::inject(Fault fault) {
    context_.trace.note(Trace::kWorld, "FAULT", name(fault));
    Done done = inject_network(fault);
    if (done == Done::not_mine) done = inject_operator(fault);
    if (done == Done::not_mine) done = inject_process(fault);
    if (done == Done::not_mine) done = inject_machine(fault);
    if (done == Done::yes) ++context_.faults[static_cast<std::size_t>(fault)];
}

void Faults::heal() {
    ++era_;
    end_ = context_.time.now();
    store_.set_outage(false);
    store_.drop_requests();
    for (auto& candidate : candidates_) {
        store_.set_link(candidate->index(), {});
        candidate->agent().process().resume();
        candidate->supervisor().stop_before_next_start(false);
        candidate->supervisor().process().resume();
        candidate->guardian().process().resume();
        candidate->thaw();
        candidate->supervisor().hear_pause(false);
        set_clocks(*candidate, true);
    }
}

void Faults::later(Duration after, std::function<void()> action) {
    context_.time.after(after, [this, era = era_, action = std::move(action)] {
        if (era == era_) action();
    });
}

Candidate& Faults::victim() {
    const std::size_t any = context_.random.index(candidates_.size());
    const bool leader = context_.random.chance(0.6);
    if (leader && checkers_.leader()) return *candidates_[static_cast<std::size_t>(*checkers_.leader())];
    return *candidates_[any];
}

// ---- network and store --------------------------------------------------------------------------------------------

void Faults::change_link(int client, const std::function<void(Link&)>& change, const std::function<void(Link&)>& undo) {
    Link link = store_.link(client);
    change(link);
    context_.trace.note(client, "its link gets worse");
    store_.set_link(client, link);
    later(a_while(), [this, client, undo] {
        Link better = store_.link(client);
        undo(better);
        context_.trace.note(client, "its link gets better");
        store_.set_link(client, better);
    });
}

Faults::Done Faults::inject_network(Fault fault) {
    const int client = victim().index();
    Random& random = context_.random;
    switch (fault) {
        case Fault::partition:
            change_link(
                client, [](Link& link) { link.requests_cut = link.answers_cut = true; },
                [](Link& link) { link.requests_cut = link.answers_cut = false; });
            return Done::yes;
        case Fault::one_way_partition: {
            const bool requests = random.chance(0.5);
            change_link(
                client, [requests](Link& link) { (requests ? link.requests_cut : link.answers_cut) = true; },
                [requests](Link& link) { (requests ? link.requests_cut : link.answers_cut) = false; });
            return Done::yes;
        }
        case Fault::refused:
            change_link(
                client, [](Link& link) { link.refused = true; }, [](Link& link) { link.refused = false; });
            return Done::yes;
        case Fault::slow_link:
            change_link(
                client,
                [slowness = random.scaled(context_.profile.longest_lease, 0.0, 0.5)](Link& link) {
                    link.slowness = slowness;
                },
                [](Link& link) { link.slowness = {}; });
            return Done::yes;
        case Fault::bad_link: {
            const Link bad{.lost = random.share() * 0.4,
                           .duplicated = random.share() * 0.5,
                           .lingering = random.share() * 0.4,
                           .failing = random.share() * 0.4};
            change_link(
                client,
                [bad](Link& link) {
                    link.lost = bad.lost;
                    link.duplicated = bad.duplicated;
                    link.lingering = bad.lingering;
                    link.failing = bad.failing;
                },
                [](Link& link) { link.lost = link.duplicated = link.lingering = link.failing = 0; });
            return Done::yes;
        }
        case Fault::store_outage:
            store_.set_outage(true);
            later(a_while(), [this] { store_.set_outage(false); });
            return Done::yes;
        case Fault::watch_stalled:
            change_link(
                client, [](Link& link) { link.watch_stalled = true; }, [](Link& link) { link.watch_stalled = false; });
            return Done::yes;
        case Fault::watch_broken: store_.break_watch(client, "expired"); return Done::yes;
        case Fault::watch_replayed: store_.replay_watch(client); return Done::yes;
        case Fault::stale_reads:
            change_link(
                client, [](Link& link) { link.stale_reads = true; }, [](Link& link) { link.stale_reads = false; });
            return Done::yes;
        default: return Done::not_mine;
    }
}

// ---- operators ----------------------------------------------------------------------------------------------------

// See faults.h. Where only memory helps, nobody may lose it until the lease in question has passed.
bool Faults::holders_duration_is_known() {
    const Duration lease = std::max(checkers_.holders_lease(), longest_written_);
    const bool all_wait_as_long = std::all_of(candidates_.begin(), candidates_.end(), [&](const auto& candidate) {
        return candidate->timing().lease_duration >= lease;
    });
    return all_wait_as_long || everyone_remembers(lease);
}

// An agent that is stopped for long is killed by its guardian, and forgets.
bool Faults::everyone_goes_on() const {
    return std::none_of(candidates_.begin(), candidates_.end(),
                        [](const auto& candidate) { return candidate->agent().process().stopped(); });
}

bool Faults::everyone_remembers(Duration lease) {
    if (!everyone_goes_on()) return false;
    const bool all_have_seen = std::all_of(candidates_.begin(), candidates_.end(), [&](const auto& candidate) {
        if (!candidate->up()) return true;  // and will not start before the end of that time
        const election::Election* election = candidate->agent().election();
        return election != nullptr && election->seen() && election->seen()->version == store_.current().version;
    });
    if (!all_have_seen || store_.current().presence != Presence::present) return false;
    memory_needed_until_ = context_.time.now() + lease + lease / 4 + context_.profile.longest_lease;
    return true;
}

// A state that, put there anew, looks like a shorter lease of somebody else.
bool Faults::hides_duration(const Snapshot& state) const {
    return state.presence == Presence::present && !state.record.released &&
           state.record.lease_duration < checkers_.holders_lease();
}

bool Faults::everyone_has_seen_a_record() const {
    return std::all_of(candidates_.begin(), candidates_.end(), [&](const auto& candidate) {
        const election::Election* election = candidate->agent().election();
        return election == nullptr || !election->seen() || election->seen()->presence != Presence::absent;
    });
}

Faults::Done Faults::inject_operator(Fault fault) {
    const Snapshot now = store_.current();
    Record record = now.record;
    switch (fault) {
        case Fault::record_deleted:
            if (now.presence == Presence::absent || !everyone_has_seen_a_record() || !holders_duration_is_known()) {
                return Done::not_now;
            }
            store_.remove();
            break;
        case Fault::record_vacated:
            if (now.presence != Presence::present || record.released) return Done::not_now;
            record.holder.clear();
            if (context_.random.chance(0.5) && holders_duration_is_known()) record = {};
            store_.put(Presence::vacated, record, {});
            break;
        case Fault::holder_edited: {
            if (now.presence != Presence::present || record.released || hides_duration(now)) return Done::not_now;
            const Candidate& other = *candidates_[context_.random.index(candidates_.size())];
            record.holder = context_.random.chance(0.5) ? other.identity() : "somebody";
            if (context_.random.chance(0.3)) record.incarnation.clear();
            store_.put(Presence::present, record, {});
            break;
        }
        case Fault::duration_edited:
            if (!edit_duration()) return Done::not_now;
            break;
        case Fault::record_garbled: {
            if (now.presence == Presence::absent || record.released) return Done::not_now;
            if (!holders_duration_is_known()) return Done::not_now;
            store_.put(Presence::unreadable, {}, "not a record");
            break;
        }
        case Fault::record_touched:
            if (now.presence == Presence::absent || now.rolled_back || hides_duration(now)) return Done::not_now;
            store_.put(now.presence, record, now.problem);
            break;
        case Fault::rolled_back:
            if (!restore()) return Done::not_now;
            break;
        default: return Done::not_mine;
    }
    context_.trace.note(Trace::kStore, "was edited by hand:", name(fault), "version", store_.current().version.number);
    checkers_.operator_interfered();
    return Done::yes;
}

bool Faults::edit_duration() {
    Record record = store_.current().record;
    if (store_.current().presence != Presence::present || record.released) return false;
    if (context_.random.chance(0.5)) {
        // Whoever sees the record for the first time believes what it says, whatever its own duration is.
        if (!everyone_remembers(std::max(checkers_.holders_lease(), longest_written_))) return false;
        record.lease_duration = context_.random.scaled(record.lease_duration, 0.0, 1.0);
    } else {
        record.lease_duration = context_.random.scaled(context_.profile.longest_lease, 1.0, 4.0);
        longest_written_ = std::max(longest_written_, record.lease_duration);
    }
    store_.put(Presence::present, record, {});
    return true;
}

bool Faults::restore() {
    const auto& history = store_.history();
    const Snapshot old = history[context_.random.index(history.size())];
    if (old.presence != Presence::present || old.version == store_.current().version) return false;
    if (context_.profile.numbering == Numbering::counted) {
        if (old.record.released) return false;
        const bool all_would_notice = std::all_of(candidates_.begin(), candidates_.end(), [&](const auto& candidate) {
            const election::Election* election = candidate->agent().election();
            return election == nullptr || !election->seen() ||
                   (election->seen()->version != old.version && election->last_version() > old.version.number);
        });
        if (!all_would_notice) return false;
    }
    if (!holders_duration_is_known()) return false;
    store_.restore(old);
    return true;
}

}  // namespace leasehold::sim
