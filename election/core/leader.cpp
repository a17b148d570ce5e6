// SPDX-License-Identifier: Apache-2.0
//
// The election's other half: renewing, losing and releasing what is held.
#include "election/core/election.h"

#include <utility>

namespace leasehold::election {

void Election::advance_holder(Instant now) {
    check_deadlines(now);
    if (lost_ || write_ || read_) return;
    if (!base_ || read_wanted_) {
        if (reached_on_any_clock(read_not_before_, now)) start_read(holder_timeout(now));
        if (!base_ || read_) return;
    }
    if (reached_on_any_clock(write_not_before_, now)) start_write(WritePurpose::renew, *base_, holder_timeout(now));
}

// Comes before anything else is done: after a freeze the tree is killed before anything renews. Only a tree that cannot
// be killed in time gets the lease renewed after all, so that it keeps others out for as long as that is possible.
void Election::check_deadlines(Instant now) {
    if (role_ == Role::leader && reached_on_any_clock(grant_->soft, now)) {
        note(Decision::lost_deadline);
        role_ = Role::stopping;
        revoke(RevokeMode::orderly);
    }
    if (!expired_ && reached_on_any_clock(grant_->hard, now)) {
        expired_ = true;
        revoke(RevokeMode::kill);
        write_not_before_ = later_of(write_not_before_, now + timing_.kill_allowance);
    }
}

void Election::write_done_renew(Instant now, const WriteDone& done) {
    const PendingWrite write = *std::exchange(write_, std::nullopt);
    switch (done.outcome.status) {
        case WriteStatus::applied:
            conflicts_ = 0;
            if (role_ == Role::standby) {
                acquired(now, done.sent, done.outcome.version);
                return;
            }
            base_ = Base{false, done.outcome.version};
            last_version_ = done.outcome.version.number;
            unresolved_.clear();
            write_not_before_ = role_ == Role::releasing ? now : done.sent + timing_.retry_period;
            extend(done.sent);
            return;
        case WriteStatus::conflict: conflict_seen(now); return;
        case WriteStatus::unknown: unresolved_[write.write_id] = done.sent; [[fallthrough]];
        case WriteStatus::failed:
            note(Decision::renew_failed, done.outcome.reason + ": " + done.outcome.detail);
            write_not_before_ = next_try(now, done);
            return;
    }
}

// After a renewal without success. The last tenth of what the deadline allows is used to the full, so that an outage
// that ends just in time goes unnoticed.
Instant Election::next_try(Instant now, const WriteDone& done) const {
    const Timing& timing = timing_;
    if (role_ == Role::releasing) return now;
    const Instant soonest = now + std::max(timing.retry_period / 5, bearable(now, done.outcome.retry_after));
    const Instant usual = later_of(done.sent + timing.retry_period, soonest);
    if (role_ != Role::leader) return usual;
    return later_of(earlier_of(usual, grant_->soft + -timing.renew_deadline / 10), soonest);
}

// A consistent read decides what a conflict means: an earlier attempt of ours without an answer, or someone else.
void Election::conflict_seen(Instant now) {
    base_.reset();
    read_wanted_ = true;
    read_not_before_ = ++conflicts_ > 1 ? now + timing_.retry_period / 5 : now;
}

void Election::read_done_holder(Instant now, const Snapshot& snapshot) {
    if (lost_ || write_) return;
    const Owner owner = owner_of(snapshot);
    if (owner == Owner::other) {
        lose_to_other(snapshot);
        return;
    }
    if (owner == Owner::us) {
        const bool confirmed = base_ == base_of(snapshot);
        base_ = base_of(snapshot);
        const auto sent = unresolved_.find(snapshot.record.write_id);
        const bool applied = sent != unresolved_.end();
        if (applied) extend(sent->second);
        yield_if_asked_to(snapshot);
        if (confirmed) return;
        if (applied) {  // as good as its answer
            write_not_before_ = later_of(write_not_before_, sent->second + timing_.retry_period);
            return;
        }
    } else if (reached_on_any_clock(grant_->hard, now)) {
        lost_ = true;  // not ours any more, and too late to say whose it may be by now
        return;
    } else {
        note(Decision::rewriting, snapshot.problem);
        base_ = base_of(snapshot);
    }
    hurry(now);
}

// What somebody did to the record is put right at once, but whoever does it again and again does not set our pace.
void Election::hurry(Instant now) {
    if (expired_) return;
    const Instant soonest = hurried_at_ ? later_of(now, *hurried_at_ + timing_.retry_period / 2) : now;
    write_not_before_ = earlier_of(write_not_before_, soonest);
    hurried_at_ = write_not_before_;
}

void Election::lose_to_other(const Snapshot& snapshot) {
    note(Decision::lost_other_holder, snapshot.record.holder);
    lost_ = true;
    role_ = Role::stopping;
    revoke(RevokeMode::kill);
}

// Whoever coordinates the election wants somebody else. Once in a term: what stood there when it began has had its
// chance already.
void Election::yield_if_asked_to(const Snapshot& snapshot) {
    const std::string& wanted = snapshot.preferred_holder;
    if (!preferred_holder_) preferred_holder_ = wanted;  // it began before this process did
    if (role_ != Role::leader || wanted.empty() || wanted == settings_.identity || wanted == preferred_holder_) return;
    note(Decision::yielding, wanted);
    yielding_ = true;
    role_ = Role::stopping;
    revoke(RevokeMode::orderly);
}

// A late success moves only the hard instant: once stopping, the term ends. Nothing revives an expired one.
void Election::extend(Instant sent) {
    last_renewal_ = last_renewal_ ? later_of(*last_renewal_, sent) : sent;
    if (!grant_ || lost_ || expired_ || role_ == Role::releasing) return;
    if (role_ == Role::leader) grant_->soft = later_of(grant_->soft, timing_.soft(sent));
    grant_->hard = later_of(grant_->hard, timing_.hard(sent));
    out_.commands.emplace_back(*grant_);
}

void Election::revoke(RevokeMode mode) { out_.commands.emplace_back(Revoke{grant_->term, mode}); }

// A request of the holder ends before the next deadline does. Past the last one only a tree that cannot be killed
// renews.
Duration Election::holder_timeout(Instant now) const {
    const Instant limit = role_ == Role::leader ? grant_->soft : grant_->hard;
    const Duration left = left_on_any_clock(limit, now);
    return left > Duration::zero() ? request_timeout(timing_, left) : timing_.renew_deadline / 3;
}

void Election::advance_release(Instant now) {
    if (lost_) {
        end_term(now);
        return;
    }
    if (write_ || read_) return;
    const Instant expiry = last_renewal_ ? *last_renewal_ + timing_.lease_duration : grant_->hard;
    if (reached_on_any_clock(expiry, now)) {
        note(Decision::release_abandoned, "the lease has run out");
        end_term(now);
        return;
    }
    const Duration timeout = timing_.renew_deadline / 3;
    if (!base_) {
        if (reached_on_any_clock(read_not_before_, now)) start_read(timeout);
    } else if (reached_on_any_clock(write_not_before_, now)) {
        start_write(WritePurpose::release, *base_, timeout);
    }
}

void Election::read_done_release(Instant now, const Snapshot& snapshot) {
    if (write_) return;
    const Owner owner = owner_of(snapshot);
    if (owner == Owner::other) {
        note(Decision::release_abandoned, "held by " + snapshot.record.holder);
        end_term(now);
    } else if (owner == Owner::us && snapshot.record.released) {
        note(Decision::released);
        end_term(now);
    } else if (owner == Owner::nobody && release_unknown_) {
        note(Decision::release_abandoned, "the record vanished when it may have been released and taken already");
        end_term(now);
    } else {
        base_ = base_of(snapshot);
        write_not_before_ = now;
    }
}

void Election::write_done_release(Instant now, const WriteDone& done) {
    write_.reset();
    switch (done.outcome.status) {
        case WriteStatus::applied:
            last_version_ = done.outcome.version.number;
            note(Decision::released);
            end_term(now);
            return;
        // What arrives twice is refused the second time, and the first answer may be lost: so it may be applied.
        case WriteStatus::conflict:
            release_unknown_ = true;
            conflict_seen(now);
            return;
        case WriteStatus::unknown: release_unknown_ = true; [[fallthrough]];
        case WriteStatus::failed:
            note(Decision::renew_failed, done.outcome.reason + ": " + done.outcome.detail);
            write_not_before_ = now + std::max(timing_.retry_period / 5, bearable(now, done.outcome.retry_after));
            return;
    }
}

// Back to contending, for ever; others go first.
void Election::end_term(Instant now) {
    const Duration head_start = yielding_ ? timing_.lease_duration : timing_.retry_period;
    end_campaign(now);
    role_ = Role::standby;
    timing_ = settings_.timing;
    grant_.reset();
    lost_ = expired_ = release_unknown_ = yielding_ = false;
    conflicts_ = 0;
    successor_.clear();
    seen_.reset();
    announced_.reset();
    read_not_before_ = now;
    spread_until_ = now + (head_start + random_below(head_start));
}

}  // namespace leasehold::election
