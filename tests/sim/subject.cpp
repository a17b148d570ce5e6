// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/subject.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace leasehold::sim {

using election::Command;
using election::Election;
using election::Event;
using election::Grant;
using election::Past;
using election::Presence;
using election::ReadDone;
using election::Revoke;
using election::Role;
using election::Settings;
using election::Snapshot;
using election::Step;
using election::TreeEmpty;
using election::WatchSeen;
using election::WriteDone;

namespace {

class RealCore : public Core {
public:
    RealCore(Settings settings, const Past& past, Instant now) : election_(std::move(settings), past, now) {}
    Step step(Instant now, const Event& event) override { return election_.step(now, event); }
    const Election& election() const override { return election_; }

private:
    Election election_;
};

// Gives the machine another idea of the time while it is a standby; as a leader it is told the truth. The machine lives
// in a time of its own, so instants are translated on the way in and out.
class WarpedTime : public RealCore {
public:
    WarpedTime(Settings settings, const Past& past, Instant now)
        : RealCore(std::move(settings), past, now), last_(now), shown_(now) {}

    Step step(Instant now, const Event& event) override {
        const bool standby = election().role() == Role::standby;
        const Instant passed{now.boot - last_.boot, now.raw - last_.raw};
        const Instant warped = standby ? warp(passed) : passed;
        shown_ = {shown_.boot + warped.boot, shown_.raw + warped.raw};
        last_ = now;
        Event shown = event;
        if (auto* read = std::get_if<ReadDone>(&shown)) read->sent = moved(read->sent, ahead());
        if (auto* write = std::get_if<WriteDone>(&shown)) write->sent = moved(write->sent, ahead());
        Step step = RealCore::step(shown_, shown);
        for (Command& command : step.commands) {
            auto* grant = std::get_if<Grant>(&command);
            if (grant == nullptr) continue;
            const Instant back{-ahead().boot, -ahead().raw};
            grant->soft = moved(grant->soft, back);
            grant->hard = moved(grant->hard, back);
        }
        if (standby) step.wake /= 2;
        return step;
    }

protected:
    virtual Instant warp(Instant passed) const = 0;

private:
    static Instant moved(Instant at, Instant by) { return {at.boot + by.boot, at.raw + by.raw}; }
    Instant ahead() const { return {shown_.boot - last_.boot, shown_.raw - last_.raw}; }

    Instant last_;
    Instant shown_;
};

class HalfLease : public WarpedTime {
public:
    using WarpedTime::WarpedTime;

protected:
    Instant warp(Instant passed) const override { return {passed.boot * 2, passed.raw * 2}; }
};

class FastClock : public WarpedTime {
public:
    using WarpedTime::WarpedTime;

protected:
    Instant warp(Instant passed) const override {
        const Duration more = std::max(passed.boot, passed.raw);
        return {more, more};
    }
};

class EarlyRelease : public RealCore {
public:
    using RealCore::RealCore;

    Step step(Instant now, const Event& event) override {
        Step step = RealCore::step(now, event);
        const auto revoked = std::find_if(step.commands.begin(), step.commands.end(), [](const Command& command) {
            return std::holds_alternative<Revoke>(command);
        });
        if (revoked == step.commands.end()) return step;
        Step more = RealCore::step(now, TreeEmpty{std::get<Revoke>(*revoked).term});
        std::move(more.commands.begin(), more.commands.end(), std::back_inserter(step.commands));
        step.wake = more.wake;
        return step;
    }
};

class DeadlineFromReply : public RealCore {
public:
    using RealCore::RealCore;

    Step step(Instant now, const Event& event) override {
        const auto* write = std::get_if<WriteDone>(&event);
        if (write == nullptr) return RealCore::step(now, event);
        WriteDone late = *write;
        late.sent = now;
        return RealCore::step(now, late);
    }
};

class DeletedIsFree : public RealCore {
public:
    using RealCore::RealCore;

    Step step(Instant now, const Event& event) override {
        Event shown = event;
        if (auto* read = std::get_if<ReadDone>(&shown)) falsify(read->outcome.snapshot);
        if (auto* watch = std::get_if<WatchSeen>(&shown)) falsify(watch->snapshot);
        return RealCore::step(now, shown);
    }

private:
    static void falsify(Snapshot& snapshot) { snapshot.never_written |= snapshot.presence == Presence::absent; }
};

}  // namespace

std::string_view name(Breakage breakage) {
    switch (breakage) {
        case Breakage::none: return "none";
        case Breakage::half_lease: return "half_lease";
        case Breakage::no_hard_deadline: return "no_hard_deadline";
        case Breakage::early_release: return "early_release";
        case Breakage::deadline_from_reply: return "deadline_from_reply";
        case Breakage::deleted_is_free: return "deleted_is_free";
        case Breakage::standby_trusts_fast_clock: return "standby_trusts_fast_clock";
        case Breakage::silence_unnoticed: return "silence_unnoticed";
        case Breakage::stuck_agent_is_left: return "stuck_agent_is_left";
        case Breakage::leftovers_are_ignored: return "leftovers_are_ignored";
        case Breakage::reload_shortens_the_lease: return "reload_shortens_the_lease";
        case Breakage::no_dead_man: return "no_dead_man";
        case Breakage::count: break;
    }
    return "?";
}

std::unique_ptr<Core> make_core(Breakage breakage, Settings settings, const Past& past, Instant now) {
    switch (breakage) {
        case Breakage::reload_shortens_the_lease: {
            Past forgetful = past;
            if (forgetful.running) forgetful.running->lease_duration = {};
            return std::make_unique<RealCore>(std::move(settings), forgetful, now);
        }
        case Breakage::half_lease: return std::make_unique<HalfLease>(std::move(settings), past, now);
        case Breakage::early_release: return std::make_unique<EarlyRelease>(std::move(settings), past, now);
        case Breakage::deadline_from_reply: return std::make_unique<DeadlineFromReply>(std::move(settings), past, now);
        case Breakage::deleted_is_free: return std::make_unique<DeletedIsFree>(std::move(settings), past, now);
        case Breakage::standby_trusts_fast_clock: return std::make_unique<FastClock>(std::move(settings), past, now);
        case Breakage::none:
        case Breakage::no_hard_deadline:  // these are of the processes around it
        case Breakage::silence_unnoticed:
        case Breakage::stuck_agent_is_left:
        case Breakage::leftovers_are_ignored:
        case Breakage::no_dead_man:
        case Breakage::count: break;
    }
    return std::make_unique<RealCore>(std::move(settings), past, now);
}

}  // namespace leasehold::sim
