// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/checkers.h"

#include <algorithm>
#include <utility>

#include "election/core/record.h"

namespace leasehold::sim {

using election::Presence;
using election::WriteId;

Checkers::Checkers(Context& context) : context_(context), watched_(context.profile.candidates.size()) {}

// ---- trees --------------------------------------------------------------------------------------------------------

void Checkers::expect_alone(Candidate& candidate, const char* what) {
    for (const Candidate* other : candidates_) {
        if (other == &candidate || other->frozen() || of(other->index()).doomed) continue;
        fail("two trees run: that of c" + std::to_string(candidate.index()) + ", which was " + what +
             ", and that of c" + std::to_string(other->index()));
    }
}

void Checkers::tree_started(Candidate& candidate, bool late) {
    Watched& watched = of(candidate.index());
    if (watched.left) {
        fail("a tree of c" + std::to_string(candidate.index()) + " was started beside what an earlier run left");
    }
    for (Watched& other : watched_) {
        if (other.left && !std::exchange(other.beside, true)) ++counts_.leftovers_beside;
    }
    if (watched.alive) fail("a second tree of c" + std::to_string(candidate.index()) + " was started");
    watched.alive = true;
    if (late) {
        tree_thawed(candidate, true);
    } else {
        expect_alone(candidate, "just started");
    }
    candidates_.push_back(&candidate);
    ++counts_.trees;
    if (released_at_ && calm_) counts_.handovers.push_back(context_.time.now() - *released_at_);
    released_at_.reset();
}

void Checkers::tree_gone(Candidate& candidate) {
    Watched& watched = of(candidate.index());
    if (watched.doomed) {
        const Duration lived = watched.afterlife + context_.time.now() - watched.thawed_at;
        counts_.longest_afterlife = std::max(counts_.longest_afterlife, lived);
        if (lived > context_.profile.kill_allowance) {
            fail("a tree that was frozen across its hard instant ran for " + seconds_text(lived) + " s after the thaw");
        }
    } else if (!candidate.frozen()) {
        expect_in_time(watched, candidate.index());
    }
    watched.alive = watched.doomed = false;
    candidates_.erase(std::remove(candidates_.begin(), candidates_.end(), &candidate), candidates_.end());
}

void Checkers::tree_left(Candidate& candidate) {
    Watched& watched = of(candidate.index());
    watched.alive = watched.doomed = watched.beside = false;
    watched.left = true;
    ++counts_.leftovers;
    candidates_.erase(std::remove(candidates_.begin(), candidates_.end(), &candidate), candidates_.end());
}

void Checkers::tree_frozen(Candidate& candidate) {
    Watched& watched = of(candidate.index());
    if (watched.doomed) watched.afterlife += context_.time.now() - watched.thawed_at;
}

void Checkers::tree_thawed(Candidate& candidate, bool past_hard) {
    Watched& watched = of(candidate.index());
    if (past_hard && !watched.doomed) {
        watched.doomed = true;
        watched.afterlife = {};
        ++counts_.thaws;
    }
    watched.thawed_at = context_.time.now();
    if (!watched.doomed) expect_alone(candidate, "just thawed");
}

void Checkers::expect_in_time(const Watched& watched, int index) {
    if (watched.doomed || context_.time.now() <= watched.lease_ends) return;
    fail("the tree of c" + std::to_string(index) + " was alive " +
         seconds_text(context_.time.now() - watched.lease_ends) + " s after its lease had passed for a standby");
}

int Checkers::running() const {
    return static_cast<int>(std::count_if(candidates_.begin(), candidates_.end(), [this](const Candidate* candidate) {
        return !candidate->frozen() && !watched_[static_cast<std::size_t>(candidate->index())].doomed;
    }));
}

std::optional<int> Checkers::leader() const {
    if (candidates_.empty()) return std::nullopt;
    return candidates_.back()->index();
}

// ---- the register -------------------------------------------------------------------------------------------------

void Checkers::applied(const FakeRegister::Applied& applied, bool writers_tree_alive) {
    Watched& watched = of(applied.client);
    const election::Record& record = applied.write.record;
    if (record.released) {
        if (writers_tree_alive) fail("c" + std::to_string(applied.client) + " released while its tree was alive");
        released_at_ = context_.time.now();
        ++counts_.releases;
        return;
    }
    const auto written_by_frozen = std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate* holder) {
        return holder->index() == applied.client && holder->frozen();
    });
    if (watched.alive && !written_by_frozen) expect_in_time(watched, applied.client);
    // Half of the drift is the standby's share (clocks.h).
    const double share = context_.profile.candidates[static_cast<std::size_t>(applied.client)].timing.clock_drift / 2;
    const auto lease = static_cast<double>(record.lease_duration.count());
    const Duration shortest{static_cast<Duration::rep>(lease / (1.0 + share))};
    watched.lease_ends = std::max(watched.lease_ends, applied.sent + shortest);
    holders_lease_ = record.lease_duration;
    check_growth(applied);
}

// By exactly one as long as nobody but candidates ever wrote. Where an operator did, some may remember a higher count
// than stands in the record, and go on from that.
void Checkers::check_growth(const FakeRegister::Applied& applied) {
    const election::Record& now = applied.write.record;
    const election::Record& before = applied.before.record;
    const auto id = WriteId::parse(now.write_id);
    if (!id) fail("a write without an id: " + now.write_id);
    if (applied.before.presence != Presence::present || context_.time.now() < untrusted_until_) return;
    const auto id_before = WriteId::parse(before.write_id);
    const bool same_term = id_before && before.incarnation == now.incarnation && id_before->term == id->term;
    // A restarted agent that knows nothing of an attempt that was applied uses its number again.
    const bool reused = same_term && id_before->agent != id->agent && now.transitions != before.transitions;
    const std::uint64_t expected = before.transitions + (same_term && !reused ? 0 : 1);
    if (now.transitions == expected || (interfered_ && now.transitions > expected)) return;
    fail("transitions went from " + std::to_string(before.transitions) + " to " + std::to_string(now.transitions) +
         " with the write " + now.write_id + " of " + now.incarnation);
}

// What was written before an operator's hand may be granted a while after it; by then all of that is over.
void Checkers::operator_interfered() {
    interfered_ = true;
    untrusted_until_ = context_.time.now() + context_.profile.longest_lease * 4;
    highest_transitions_ = highest_token_ = 0;
}

void Checkers::granted(Candidate& candidate, const election::Grant& grant) {
    context_.trace.note(candidate.index(), "granted term", grant.term, "token", grant.token, "transitions",
                        grant.transitions);
    ++counts_.terms;
    if (context_.time.now() < untrusted_until_) return;
    if (grant.token <= highest_token_) {
        fail("the token " + std::to_string(grant.token) + " of c" + std::to_string(candidate.index()) +
             " is not above the last one, " + std::to_string(highest_token_));
    }
    if (grant.transitions <= highest_transitions_) {
        fail("transitions " + std::to_string(grant.transitions) + " of c" + std::to_string(candidate.index()) +
             " are not above those of the last term, " + std::to_string(highest_transitions_));
    }
    highest_token_ = grant.token;
    highest_transitions_ = grant.transitions;
}

void Checkers::asked_to_stop(Candidate& candidate) {
    context_.trace.note(candidate.index(), "SIGTERM", candidate.tree().alive() ? "as leader" : "as standby");
}

void Checkers::stopped(Candidate& candidate) {
    if (candidate.tree().alive()) fail("c" + std::to_string(candidate.index()) + " exited over a living tree");
}

void Checkers::set_calm(bool calm) {
    calm_ = calm;
    if (!calm) released_at_.reset();
}

}  // namespace leasehold::sim
