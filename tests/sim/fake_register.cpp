// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/fake_register.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace leasehold::sim {

using election::DoWrite;
using election::Presence;
using election::ReadOutcome;
using election::ReadStatus;
using election::Record;
using election::Snapshot;
using election::WriteOutcome;
using election::WriteStatus;

namespace {

constexpr std::size_t kHistory = 24;

}  // namespace

FakeRegister::FakeRegister(Context& context, std::function<void(const Applied&)> on_applied)
    : context_(context), on_applied_(std::move(on_applied)), clients_(context.profile.candidates.size()) {
    current_.never_written = context.profile.numbering == Numbering::witnessed;
    history_.push_back(current_);
}

// ---- the network --------------------------------------------------------------------------------------------------

Duration FakeRegister::latency(const Client& client) {
    const Profile& profile = context_.profile;
    return context_.random.between(profile.latency_low, profile.latency_high) +
           context_.random.between(Duration{}, client.link.slowness);
}

bool FakeRegister::request_passes(const Client& client) {
    return !down_ && !client.link.requests_cut && !context_.random.chance(client.link.lost);
}

bool FakeRegister::answer_passes(const Client& client) {
    return !down_ && !client.link.answers_cut && !context_.random.chance(client.link.lost);
}

void FakeRegister::read(int client, ReadCallback done) {
    Client& from = clients_[slot(client)];
    if (refuses(from)) {
        context_.time.after(latency(from), [done = std::move(done)] {
            done({ReadStatus::failed, {}, "refused", "connection refused"});
        });
        return;
    }
    if (!request_passes(from)) return;
    context_.time.after(latency(from), [this, client, era = era_, done = std::move(done)] {
        Client& at = clients_[slot(client)];
        if (era != era_ || down_) return;
        ++at.received.reads;
        ReadOutcome outcome{ReadStatus::ok, {}, {}, {}};
        if (context_.random.chance(at.link.failing)) {
            outcome = {ReadStatus::failed, {}, "forbidden", "not allowed just now"};
        } else if (at.link.stale_reads && context_.random.chance(0.5)) {
            outcome.snapshot = history_[context_.random.index(history_.size())];
            outcome.snapshot.never_written = current_.never_written;  // that is a proof, not a state
        } else {
            outcome.snapshot = current_;
        }
        if (!answer_passes(at)) return;
        context_.time.after(latency(at), [done, outcome = std::move(outcome)] { done(outcome); });
    });
}

void FakeRegister::write(int client, const DoWrite& write, WriteCallback done) {
    Client& from = clients_[slot(client)];
    if (refuses(from)) {
        context_.time.after(latency(from), [done = std::move(done)] {
            done({WriteStatus::failed, {}, "refused", "connection refused"});
        });
        return;
    }
    const TrueTime sent = context_.time.now();
    const bool twice = context_.random.chance(from.link.duplicated);
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
        const bool lingers = context_.random.chance(copy == 1 ? 0.5 : from.link.lingering);
        const Duration extra = lingers ? context_.random.scaled(context_.profile.longest_lease, 0.0, 3.0) : Duration{};
        if (!request_passes(from)) continue;
        context_.time.after(latency(from) + extra,
                            [this, client, sent, write, done, copy, era = era_, creations = creations_] {
                                if (era != era_ || down_ || (write.expect_absent && creations != creations_)) return;
                                arrive(client, sent, write, done, copy == 0);
                            });
    }
}

void FakeRegister::arrive(int client, TrueTime sent, const DoWrite& write, const WriteCallback& done, bool answered) {
    Client& at = clients_[slot(client)];
    const bool fails = context_.random.chance(at.link.failing);
    WriteOutcome outcome =
        fails ? WriteOutcome{WriteStatus::failed, {}, "throttled", "too many requests"} : apply(client, sent, write);
    ++at.received.writes;
    if (outcome.status == WriteStatus::conflict) ++at.received.conflicts;
    if (!answered || !answer_passes(at)) return;
    context_.time.after(latency(at), [done, outcome = std::move(outcome)] { done(outcome); });
}

// ---- the register -------------------------------------------------------------------------------------------------

bool FakeRegister::matches(const DoWrite& write) const {
    if (!write.expect_absent) return current_.presence != Presence::absent && current_.version == write.expected;
    const std::uint64_t expected = write.expected.number;
    return current_.presence == Presence::absent && (expected == 0 || current_.version.number == expected);
}

WriteOutcome FakeRegister::apply(int client, TrueTime sent, const DoWrite& write) {
    if (!matches(write)) {
        context_.trace.note(Trace::kStore, "refuses, expected", write.expected.number, "for", client, "write",
                            write.record.write_id);
        return {WriteStatus::conflict, {}, {}, {}};
    }
    const Snapshot before = current_;
    Snapshot state;
    state.presence = Presence::present;
    state.record = write.record;
    state.record.renew_time_us = context_.time.now().count() / 1000;
    install(std::move(state));
    context_.trace.note(Trace::kStore, "version", current_.version.number, "by", client, "write", write.record.write_id,
                        write.record.released ? "released" : "holder", write.record.holder, "transitions",
                        write.record.transitions);
    on_applied_({client, sent, write, before, current_});
    return {WriteStatus::applied, current_.version, {}, {}};
}

void FakeRegister::install(Snapshot state) {
    ++writes_;
    state.version.number = ++highest_;
    state.version.tag = "w" + std::to_string(writes_);
    current_ = std::move(state);
    history_.push_back(current_);
    if (history_.size() > kHistory) history_.pop_front();
    for (std::size_t i = 0; i < clients_.size(); ++i) announce(static_cast<int>(i), current_);
}

void FakeRegister::put(Presence presence, const Record& record, const std::string& problem) {
    Snapshot state;
    state.presence = presence;
    state.record = record;
    state.problem = problem;
    install(std::move(state));
}

void FakeRegister::remove() {
    ++creations_;
    current_ = {};
    if (context_.profile.numbering == Numbering::witnessed) {
        current_.version.number = ++highest_;  // absence is a state with a number of its own here
    }
    for (std::size_t i = 0; i < clients_.size(); ++i) announce(static_cast<int>(i), current_);
}

void FakeRegister::restore(Snapshot old) {
    drop_requests();
    ++writes_;
    current_ = old;
    if (context_.profile.numbering == Numbering::witnessed) {
        // The witness tells the restored state from the original one.
        current_.rolled_back = true;
        current_.version.tag += "restored" + std::to_string(writes_);
    } else {
        highest_ = old.version.number;
        history_.clear();  // no replica knows the future
    }
    history_.push_back(current_);
    for (std::size_t i = 0; i < clients_.size(); ++i) announce(static_cast<int>(i), current_);
}

// ---- watches ------------------------------------------------------------------------------------------------------

void FakeRegister::watch(int client, Watcher watcher) {
    Client& at = clients_[slot(client)];
    at.watcher = std::move(watcher);
    at.open = false;
    open_watch(client, ++at.watching);
}

void FakeRegister::unwatch(int client) {
    Client& at = clients_[slot(client)];
    ++at.watching;
    at.open = false;
    at.watcher = {};
}

// Tries until it succeeds; then the state of that moment is reported first.
void FakeRegister::open_watch(int client, std::uint64_t watching) {
    Client& at = clients_[slot(client)];
    if (watching != at.watching) return;
    const bool passes = !refuses(at) && request_passes(at) && answer_passes(at);
    if (passes) {
        at.open = true;
        announce(client, current_);
        return;
    }
    context_.time.after(context_.random.scaled(context_.profile.shortest_lease, 0.02, 0.5),
                        [this, client, watching] { open_watch(client, watching); });
}

void FakeRegister::announce(int client, const Snapshot& state) {
    Client& at = clients_[slot(client)];
    if (!at.open || at.link.watch_stalled || down_ || at.link.answers_cut) return;
    at.last_event = std::max(at.last_event + Duration{1}, context_.time.now() + latency(at));
    context_.time.at(at.last_event, [this, client, watching = at.watching, state] {
        const Client& to = clients_[slot(client)];
        if (to.watching == watching && to.open) to.watcher.seen(state);
    });
}

void FakeRegister::break_watch(int client, const std::string& reason) {
    Client& at = clients_[slot(client)];
    if (!at.open) return;
    at.open = false;
    const std::uint64_t watching = ++at.watching;
    at.watcher.broken(reason);
    context_.time.after(context_.random.scaled(context_.profile.shortest_lease, 0.0, 0.3),
                        [this, client, watching] { open_watch(client, watching); });
}

void FakeRegister::replay_watch(int client) { announce(client, history_[context_.random.index(history_.size())]); }

// What was cut comes back with new connections: events that were missed meanwhile are told by a broken watch.
void FakeRegister::set_link(int client, const Link& link) {
    Client& at = clients_[slot(client)];
    const bool was_cut = at.link.answers_cut || at.link.requests_cut;
    at.link = link;
    if (was_cut) break_watch(client, "connection lost");
}

void FakeRegister::set_outage(bool down) {
    if (down_ == down) return;
    down_ = down;
    refuses_when_down_ = context_.random.chance(0.5);
    if (down) return;
    for (std::size_t i = 0; i < clients_.size(); ++i) break_watch(static_cast<int>(i), "server restarted");
}

}  // namespace leasehold::sim
