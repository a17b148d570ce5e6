// SPDX-License-Identifier: Apache-2.0
#include "supervisor/leader_hook.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace leasehold::supervisor {
namespace {

constexpr const char* kKey = "workload.hooks.on_new_leader";

std::string reason_of(const GroupedCommand::Ending& ending) {
    const SpawnOutcome& start = ending.start;
    switch (start.kind) {
        case SpawnOutcome::Kind::executed: break;
        case SpawnOutcome::Kind::failed:
        case SpawnOutcome::Kind::altered:
        case SpawnOutcome::Kind::unlike: return "cannot be executed: " + std::generic_category().message(start.problem);
        case SpawnOutcome::Kind::late:
        case SpawnOutcome::Kind::orphaned: return "was not executed, for lack of time";
    }
    return ending.status == 0 ? "" : "ended with status " + std::to_string(ending.status);
}

}  // namespace

void LeaderHook::withdraw() {
    if (!command_.alive() || command_.killed()) return;
    command_.kill();
    if (!next_) next_ = leader_;
}

void LeaderHook::reaped(const Exit& exit) {
    const auto ending = command_.reaped(exit);
    if (!ending || ending->killed) return;
    if (const std::string reason = reason_of(*ending); !reason.empty())
        log::warn("{} for {}: it {}", kKey, leader_, reason);
}

void LeaderHook::tick(Instant now, Duration limit, bool may_start) {
    if (command_.alive()) {
        if (command_.killed() || !reached_on_any_clock(started_at_ + limit, now)) return;
        command_.kill();
        log::warn("{} for {}: it takes too long, and was killed (workload.hooks.timeout)", kKey, leader_);
        return;
    }
    if (!next_ || !may_start) return;
    leader_ = *std::exchange(next_, std::nullopt);
    started_at_ = now;
    if (auto spawned = spawn_(leader_)) {
        command_.began(std::move(*spawned));
    } else {
        log::warn("{} for {}: it cannot be started: {}", kKey, leader_, spawned.error().message);
    }
}

std::optional<Duration> LeaderHook::wake(Instant now, Duration limit) const {
    if (command_.alive() && !command_.killed())
        return std::max(left_on_any_clock(started_at_ + limit, now), Duration(0));
    return waits() ? std::optional(Duration(0)) : std::nullopt;
}

}  // namespace leasehold::supervisor
