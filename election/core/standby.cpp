// SPDX-License-Identifier: Apache-2.0
//
// The election's standby half: waiting until the lease is free, and acquiring it.
#include "election/core/election.h"

#include <utility>

namespace leasehold::election {

std::optional<Duration> Election::free_in(Instant now) const {
    if (!seen_ || seen_->presence == Presence::unreadable) return std::nullopt;
    const std::string& wanted = seen_->preferred_holder;
    const bool others_first = !wanted.empty() && wanted != settings_.identity;
    const bool released = seen_->presence == Presence::present && seen_->record.released && !seen_distrusted_;
    const bool free = seen_->never_written ? !record_seen_ : released;
    Duration wait = seen_wait_;
    if (free && !others_first) wait = meant_for_another() ? std::min(wait, timing_.retry_period) : Duration();
    return std::max(wait - elapsed_at_least(seen_at_, now), Duration::zero());
}

// Whoever released the lease has named another one.
bool Election::meant_for_another() const {
    const std::string& named = seen_->record.successor;
    return seen_->presence == Presence::present && seen_->record.released && !named.empty() &&
           named != settings_.identity;
}

// Creating over an absence that has no number is no compare-and-swap: the record may have been made and deleted again
// since. So it follows upon a read that has seen nothing.
bool Election::read_owed_before_create() const {
    return seen_->presence == Presence::absent && seen_->version.number == 0 && !seen_->never_written && !just_read_;
}

bool Election::wants_read() const {
    return !seen_ || read_wanted_ || (begun_by_ && !base_) || (campaign_ && stop_requested_);
}

void Election::advance_standby(Instant now) {
    if (stop_requested_) finish_if_nothing_is_held(now);
    if (role_ != Role::standby || write_) return;

    const bool may_write = reached_on_any_clock(write_not_before_, now);
    const bool may_begin = may_attempt() && may_write && reached_on_any_clock(spread_until_, now);
    const bool begins = !campaign_ && !begun_by_ && may_begin && free_in(now) == Duration::zero();
    if (begins && !read_owed_before_create()) {
        attempt(now);
        return;
    }
    const bool silent = reached_on_any_clock(contact_at_ + timing_.lease_duration, now);
    if ((wants_read() || silent || begins) && !read_ && reached_on_any_clock(read_not_before_, now)) {
        start_read(timing_.renew_deadline / 3);
    }
    announce_wait(now);
    if (!may_write || read_) return;
    if (begun_by_ && base_) start_write(WritePurpose::renew, *base_, timing_.renew_deadline / 3);
    if (campaign_ && !wants_read()) start_write(WritePurpose::acquire, *campaign_, timing_.renew_deadline / 3);
}

// Nothing is begun any more; but an attempt without an answer may turn out to be ours, and then it has to be released.
void Election::finish_if_nothing_is_held(Instant now) {
    if (write_) return;
    if (begun_by_) {
        role_ = Role::releasing;
        advance_release(now);
        if (role_ != Role::standby) return;
    }
    for (const auto& [id, sent] : unresolved_) {
        if (!reached_on_any_clock(timing_.soft(sent), now)) return;
    }
    if (campaign_) note(Decision::release_abandoned, "the outcome of an attempt to acquire stayed unknown");
    campaign_.reset();
    role_ = Role::finished;
    out_.commands.emplace_back(Finished{});
}

void Election::attempt(Instant now) {
    read_.reset();  // what it would say is older than what the attempt says
    ++term_;
    term_transitions_ = transitions_ + 1;
    unresolved_.clear();
    campaign_ = base_of(*seen_);
    preferred_holder_ = seen_->preferred_holder;
    write_not_before_ = now;
    announced_.reset();
    told_meanwhile_.reset();
    doubt_meanwhile_ = false;
    defer_look_no_longer(now);
    note(Decision::attempting);
    start_write(WritePurpose::acquire, *campaign_, timing_.renew_deadline / 3);
}

void Election::write_done_acquire(Instant now, const WriteDone& done) {
    const PendingWrite write = *std::exchange(write_, std::nullopt);
    switch (done.outcome.status) {
        case WriteStatus::applied: acquired(now, done.sent, done.outcome.version); return;
        case WriteStatus::unknown: unresolved_[write.write_id] = done.sent; break;
        case WriteStatus::conflict:
        case WriteStatus::failed: break;
    }
    read_wanted_ = true;
    if (done.outcome.status == WriteStatus::conflict) {
        read_not_before_ = now;
        if (!unresolved_.empty()) return;  // it may have been an earlier attempt of ours that was in the way
        note(Decision::attempt_lost);
        end_campaign(now);
        look_after_a_loss(now);
        return;
    }
    note(Decision::attempt_failed, done.outcome.reason + ": " + done.outcome.detail);
    if (unresolved_.empty()) {
        end_campaign(now);
    } else {
        write_not_before_ = now + random_below(timing_.retry_period);
    }
    const Instant asked_back = now + bearable(now, done.outcome.retry_after);
    write_not_before_ = later_of(write_not_before_, asked_back);
    read_not_before_ = later_of(read_not_before_, asked_back);
}

void Election::read_done_standby(Instant now, const Snapshot& snapshot) {
    if (write_ || !(campaign_ || begun_by_)) return;
    if (begun_by_) {
        if (owner_of(snapshot) == Owner::us) {
            base_ = base_of(snapshot);
        } else {
            note(Decision::attempt_lost);
            end_campaign(now);
        }
        return;
    }
    const auto ours = unresolved_.find(snapshot.record.write_id);
    if (owner_of(snapshot) == Owner::us && ours != unresolved_.end()) {
        acquired(now, ours->second, snapshot.version);
    } else if (base_of(snapshot) != *campaign_) {
        note(Decision::attempt_lost);
        end_campaign(now);
    } else if (stop_requested_) {
        // Asked again until it is too late for any attempt to matter.
        read_not_before_ = now + timing_.retry_period / 4;
    }
}

// A write of ours stands in the register. Everything counts from its sending, which may be long ago: then the first
// thing to do is to renew, and only that begins the term.
void Election::acquired(Instant now, Instant sent, const Version& version) {
    base_ = Base{false, version};
    last_version_ = version.number;
    record_seen_ = true;
    last_renewal_ = sent;
    transitions_ = term_transitions_;
    if (!begun_by_) begun_by_ = version;
    campaign_.reset();
    unresolved_.clear();
    write_not_before_ = now;
    const Timing& timing = timing_;
    if (stop_requested_ || left_on_any_clock(timing.soft(sent), now) <= timing.renew_deadline / 10) return;

    grant_ = Grant{term_, begun_by_->number, term_transitions_, timing.soft(sent), timing.hard(sent)};
    begun_by_.reset();
    role_ = Role::leader;
    lost_ = expired_ = false;
    conflicts_ = 0;
    read_wanted_ = false;
    write_not_before_ = sent + timing.retry_period;
    note(Decision::acquired);
    out_.commands.emplace_back(*grant_);
}

// Back to watching. Whoever lost spreads further attempts at this freed lease, so that many candidates do not stampede.
void Election::end_campaign(Instant now) {
    campaign_.reset();
    begun_by_.reset();
    base_.reset();
    unresolved_.clear();
    read_wanted_ = true;
    write_not_before_ = now;
    spread_until_ = now + random_below(timing_.retry_period);
}

// What was seen is stale: no further attempt before the next look. But the watch has said by now who was faster, or
// will in a moment; if all losers asked as well, at the same time, they would keep the winner waiting for its answer.
// The store is asked if the watch stays silent.
void Election::look_after_a_loss(Instant now) {
    seen_.reset();
    if (doubt_meanwhile_) return;
    read_wanted_ = false;  // nothing is seen: that wants one too
    if (told_meanwhile_) {
        observe(now, *told_meanwhile_);
    } else {
        look_deferred_ = true;
        read_not_before_ = now + random_below(timing_.retry_period);
    }
}

// There is a new reason to ask.
void Election::defer_look_no_longer(Instant now) {
    if (std::exchange(look_deferred_, false)) read_not_before_ = now;
}

void Election::announce_wait(Instant now) {
    if (!seen_ || campaign_ || begun_by_ || stop_requested_ || free_in(now) == Duration::zero()) return;
    Decision decision = Decision::waiting_for_holder;
    std::string detail = seen_->record.holder;
    Duration wait = seen_wait_;
    if (seen_->presence == Presence::unreadable) {
        decision = Decision::waiting_unreadable;
        detail = seen_->problem;
        wait = Duration::zero();  // for ever
    } else if (seen_->presence != Presence::present || seen_->never_written) {
        decision = record_seen_ ? Decision::waiting_unknown_past : Decision::waiting_first_record;
        detail = record_seen_ ? "the record was deleted or emptied by somebody" : "there is no record of a holder";
    } else if (seen_distrusted_) {
        decision = Decision::waiting_unknown_past;
        detail = "the record was restored from a backup or edited by hand";
    } else if (seen_->record.released) {
        decision = Decision::waiting_for_preferred;
        detail = seen_->preferred_holder;
        if (detail.empty() || detail == settings_.identity) {
            detail = seen_->record.successor;
            wait = std::min(wait, timing_.retry_period);
        }
    }
    if (announced_ == decision && announced_detail_ == detail) return;
    announced_ = decision;
    announced_detail_ = detail;
    note(decision, std::move(detail), wait);
}

}  // namespace leasehold::election
