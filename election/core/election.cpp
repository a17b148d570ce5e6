// SPDX-License-Identifier: Apache-2.0
//
// Events, the picture of the register and the requests. What follows from them is in standby.cpp and leader.cpp.
#include "election/core/election.h"

#include <utility>

namespace leasehold::election {

Election::Election(Settings settings, const Past& past, Instant now)
    : settings_(std::move(settings)),
      timing_(settings_.timing),
      seen_at_(now),
      last_version_(past.last_version),
      record_seen_(past.last_version != 0),
      read_not_before_(now),
      contact_at_(now),
      term_(past.last_term),
      write_not_before_(now),
      spread_until_(now),
      random_(settings_.seed) {
    if (past.running) {
        grant_ = past.running->grant;
        term_ = std::max(term_, grant_->term);
        transitions_ = term_transitions_ = grant_->transitions;
        role_ = past.running->stopping ? Role::stopping : Role::leader;
        timing_.lease_duration = std::max(timing_.lease_duration, past.running->lease_duration);
    }
}

Step Election::step(Instant now, const Event& event) {
    out_ = {};
    just_read_ = false;
    if (const auto* read = std::get_if<ReadDone>(&event)) handle(now, *read);
    if (const auto* write = std::get_if<WriteDone>(&event)) handle(now, *write);
    if (const auto* watch = std::get_if<WatchSeen>(&event)) handle(now, *watch);
    if (std::holds_alternative<WatchBroken>(event)) doubt(now);
    if (const auto* empty = std::get_if<TreeEmpty>(&event)) handle(now, *empty);
    if (const auto* stop = std::get_if<StopRequested>(&event)) handle(*stop);
    if (const auto* resign = std::get_if<ResignRequested>(&event)) handle(*resign);
    if (const auto* candidacy = std::get_if<Candidacy>(&event)) able_ = candidacy->able;
    advance(now);
    out_.wake = wake(now);
    return std::exchange(out_, {});
}

void Election::handle(Instant now, const ReadDone& done) {
    if (read_ != done.id) return;
    read_.reset();
    if (done.outcome.status == ReadStatus::failed) {
        read_wanted_ = true;
        read_not_before_ = now + std::max(pause_after_failed_read(), bearable(now, done.outcome.retry_after));
        return;
    }
    just_read_ = true;
    failed_reads_ = 0;
    contact_at_ = now;
    observe(now, done.outcome.snapshot);
    switch (role_) {
        case Role::standby: read_done_standby(now, done.outcome.snapshot); break;
        case Role::leader:
        case Role::stopping: read_done_holder(now, done.outcome.snapshot); break;
        case Role::releasing: read_done_release(now, done.outcome.snapshot); break;
        case Role::finished: break;
    }
}

void Election::handle(Instant now, const WriteDone& done) {
    if (!write_ || write_->id != done.id) return;
    if (done.outcome.status == WriteStatus::applied || done.outcome.status == WriteStatus::conflict) contact_at_ = now;
    WriteDone known = done;
    if (known.outcome.status == WriteStatus::unknown && write_->echoed) {
        known.outcome.status = WriteStatus::applied;
        known.outcome.version = *write_->echoed;
    }
    switch (write_->purpose) {
        case WritePurpose::acquire: write_done_acquire(now, known); break;
        case WritePurpose::renew: write_done_renew(now, known); break;
        case WritePurpose::release: write_done_release(now, known); break;
    }
}

// A newer record is believed at once: at worst a compare-and-swap fails. Anything else that a watch says (gone,
// emptied, older) may be a replay, and is asked about.
void Election::handle(Instant now, const WatchSeen& watch) {
    if (is_echo(watch.snapshot)) write_->echoed = watch.snapshot.version;
    if (!is_news(watch.snapshot)) {
        contact_at_ = now;
        return;
    }
    const bool newer = watch.snapshot.presence == Presence::present && watch.snapshot.version.number > last_version_;
    if (role_ == Role::standby && newer && !campaign_) {
        contact_at_ = now;
        read_.reset();  // it may have been answered before this came about
        observe(now, watch.snapshot);
    } else if (newer && campaign_) {
        read_wanted_ = true;
        told_meanwhile_ = watch.snapshot;
    } else {
        doubt(now);
    }
}

// What the watch says, or that it says nothing any more, has to be asked about.
void Election::doubt(Instant now) {
    read_wanted_ = doubt_meanwhile_ = true;
    defer_look_no_longer(now);
}

void Election::handle(Instant now, const TreeEmpty& empty) {
    if (!grant_ || empty.term < grant_->term) return;
    if (role_ != Role::leader && role_ != Role::stopping) return;
    // The supervisor looks at the deadline by itself, and may have been faster than this.
    const bool late = reached_on_any_clock(grant_->soft, now);
    if (role_ == Role::leader) note(late ? Decision::lost_deadline : Decision::workload_ended);
    role_ = Role::releasing;
    write_not_before_ = now;
    if (base_) read_.reset();  // the release itself finds out
}

void Election::handle(const StopRequested&) {
    if (stop_requested_) return;
    stop_requested_ = true;
    if (role_ != Role::leader) return;
    note(Decision::stopping_on_request);
    role_ = Role::stopping;
    revoke(RevokeMode::orderly);
}

void Election::handle(const ResignRequested& resign) {
    if (role_ != Role::leader) return;
    note(Decision::resigning, resign.successor);
    successor_ = resign.successor;
    role_ = Role::stopping;
    revoke(RevokeMode::orderly);
}

void Election::advance(Instant now) {
    if (role_ == Role::leader || role_ == Role::stopping) advance_holder(now);
    if (role_ == Role::releasing) advance_release(now);
    if (role_ == Role::standby) advance_standby(now);
}

// Whether this is the write under way.
bool Election::is_echo(const Snapshot& snapshot) const {
    return write_ && snapshot.presence == Presence::present && snapshot.record.write_id == write_->write_id &&
           snapshot.record.incarnation == settings_.incarnation;
}

bool Election::is_news(const Snapshot& snapshot) const {
    if (is_echo(snapshot)) return false;  // its answer is on the way and says more
    if (base_ && !base_->absent) return snapshot.presence == Presence::absent || snapshot.version != base_->version;
    return !seen_ || *seen_ != snapshot;
}

// Takes over a state of the register, and works out how long a standby has to wait from now on if it has changed.
void Election::observe(Instant now, const Snapshot& snapshot) {
    const bool there = snapshot.presence != Presence::absent;
    if (snapshot.presence == Presence::present) transitions_ = std::max(transitions_, snapshot.record.transitions);
    const bool older = there && snapshot.version.number < last_version_;
    if (seen_ && *seen_ == snapshot && !older) return;
    // A release is a write of its own: without a new write id it was put there by hand, and the holder may live.
    const bool released_by_hand = seen_ && seen_->presence == Presence::present && !seen_->record.released &&
                                  snapshot.record.released && !snapshot.record.write_id.empty() &&
                                  snapshot.record.write_id == seen_->record.write_id;
    const bool made_up = snapshot.never_written && record_seen_;
    seen_distrusted_ = snapshot.rolled_back || older || released_by_hand || made_up;
    if (snapshot.presence == Presence::present && !seen_distrusted_) {
        // A shorter duration within a term may be an edit by hand, of which the holder does not know yet.
        const auto id = WriteId::parse(snapshot.record.write_id);
        const std::string term = id ? snapshot.record.incarnation + '/' + std::to_string(id->term) : std::string();
        const Duration written = snapshot.record.lease_duration;
        seen_wait_ = !term.empty() && term == seen_term_ ? std::max(seen_wait_, written) : written;
        seen_term_ = term;
    } else {
        seen_wait_ = std::max({seen_wait_, snapshot.record.lease_duration, timing_.lease_duration});
    }
    if (there) last_version_ = snapshot.version.number;
    if (there && snapshot.presence != Presence::vacated && !snapshot.never_written) record_seen_ = true;
    const bool held = snapshot.presence == Presence::present && !snapshot.record.released;
    if (held) spread_until_ = now;  // the next time that it becomes free is a new one for everybody
    seen_ = snapshot;
    seen_at_ = now;
}

void Election::start_read(Duration timeout) {
    read_wanted_ = look_deferred_ = false;
    read_ = next_request_++;
    out_.commands.emplace_back(DoRead{*read_, timeout});
}

void Election::start_write(WritePurpose purpose, const Base& base, Duration timeout) {
    DoWrite write;
    write.id = next_request_++;
    write.purpose = purpose;
    write.term = term_;
    write.expect_absent = base.absent;
    write.expected = base.version;
    write.timeout = timeout;
    write.record.holder = settings_.identity;
    write.record.lease_duration = timing_.lease_duration;
    write.record.transitions = term_transitions_;
    write.record.incarnation = settings_.incarnation;
    write.record.write_id = WriteId{term_, settings_.agent, next_attempt_++}.text();
    write.record.released = purpose == WritePurpose::release;
    if (write.record.released) write.record.successor = successor_;
    write_ = PendingWrite{write.id, purpose, write.record.write_id, base};
    out_.commands.emplace_back(std::move(write));
}

Election::Base Election::base_of(const Snapshot& snapshot) const {
    if (snapshot.presence == Presence::absent) return {true, {snapshot.version.number, {}}};
    return {false, snapshot.version};
}

Election::Owner Election::owner_of(const Snapshot& snapshot) const {
    if (snapshot.presence != Presence::present || seen_distrusted_) return Owner::nobody;
    if (snapshot.record.incarnation == settings_.incarnation && snapshot.record.holder == settings_.identity) {
        const auto id = WriteId::parse(snapshot.record.write_id);
        return id && id->term == term_ ? Owner::us : Owner::nobody;
    }
    return Owner::other;  // released too: then someone else has held it since our last write
}

// A store that asks to be left alone is, unless that would cost the lease. The last tenth of a deadline is ours.
Duration Election::bearable(Instant now, Duration retry_after) const {
    if (role_ == Role::standby) return std::min(retry_after, timing_.lease_duration);
    if (role_ == Role::releasing) return std::min(retry_after, timing_.retry_period);
    if (role_ == Role::finished) return Duration::zero();
    const Instant limit = role_ == Role::leader ? grant_->soft : grant_->hard;
    const Duration left = left_on_any_clock(limit + -timing_.renew_deadline / 10, now);
    return retry_after <= left ? retry_after : Duration::zero();
}

// Whoever holds something asks again soon. A standby has nothing to lose, and is one of many: it becomes patient.
Duration Election::pause_after_failed_read() {
    const bool patient = role_ == Role::standby && !campaign_ && !begun_by_;
    failed_reads_ = patient ? std::min(failed_reads_ + 1, 3) : 1;
    const Duration least = timing_.retry_period / 8 * (1 << failed_reads_);
    return least + random_below(least);
}

void Election::note(Decision decision, std::string detail, Duration wait) {
    out_.commands.emplace_back(Note{decision, term_, std::move(detail), wait});
}

// How long nothing can happen by itself. What waits for an answer is owed none: the answer itself is a step.
Duration Election::wake(Instant now) const {
    const Timing& timing = timing_;
    Duration next = timing.lease_duration;
    const auto at = [&](Instant due) { next = std::min(next, left_on_any_clock(due, now)); };
    if (role_ == Role::standby) {
        if (write_) return next;
        if (!read_)
            at(wants_read() ? read_not_before_ : later_of(contact_at_ + timing.lease_duration, read_not_before_));
        if (campaign_ || begun_by_) {
            if (!read_ && (begun_by_ ? base_.has_value() : !wants_read())) at(write_not_before_);
        } else if (const auto free = free_in(now); free && may_attempt()) {
            const Duration due = std::max(*free, left_on_any_clock(later_of(write_not_before_, spread_until_), now));
            if (due > Duration::zero() || !read_owed_before_create()) {
                next = std::min(next, due);
            } else if (!read_) {
                at(read_not_before_);
            }
        }
        Duration too_late{};  // for every attempt whose outcome is unknown
        for (const auto& [id, sent] : unresolved_)
            too_late = std::max(too_late, left_on_any_clock(timing.soft(sent), now));
        if (stop_requested_) next = std::min(next, too_late);
    } else if (role_ != Role::finished) {
        // Timers run on one clock; the other one may be ahead.
        next = timing.lease_duration / 20;
        if (role_ == Role::leader) at(grant_->soft);
        if (role_ != Role::releasing && !expired_) at(grant_->hard);
        if (lost_ || write_ || read_) return std::max(next, Duration::zero());
        at(base_ ? write_not_before_ : read_not_before_);
        if (read_wanted_ && role_ != Role::releasing) at(read_not_before_);
    }
    return std::max(next, Duration::zero());
}

// SplitMix64 (Steele, Lea, Flood 2014), so that a seed means the same everywhere.
Duration Election::random_below(Duration limit) {
    random_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = random_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    const auto range = static_cast<std::uint64_t>(std::max<Duration::rep>(limit.count(), 1));
    return Duration(static_cast<Duration::rep>(z % range));
}

}  // namespace leasehold::election
