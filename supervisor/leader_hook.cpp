// SPDX-License-Identifier: Apache-2.0
#include "supervisor/leader_hook.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.h"

namespace leasehold::supervisor {
namespace {

constexpr const char* kKey = "workload.hooks.on_new_leader";

void kill_hook(pid_t pid) {
    if (pid <= 1) return;  // to these numbers kill(2) gives another meaning
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
}

std::string reason_of(const SpawnOutcome& start, const Exit& exit) {
    switch (start.kind) {
        case SpawnOutcome::Kind::executed: break;
        case SpawnOutcome::Kind::failed:
        case SpawnOutcome::Kind::altered:
        case SpawnOutcome::Kind::unlike: return "cannot be executed: " + std::generic_category().message(start.problem);
        case SpawnOutcome::Kind::late:
        case SpawnOutcome::Kind::orphaned: return "was not executed, for lack of time";
    }
    return exit.status == 0 ? "" : "ended with status " + std::to_string(exit.status);
}

}  // namespace

void LeaderHook::withdraw() {
    if (process_.pid <= 0 || killed_) return;
    kill_hook(process_.pid);
    killed_ = true;
    if (!next_) next_ = leader_;
}

void LeaderHook::has_ended(pid_t pid) const {
    if (pid == process_.pid && pid > 1) kill(-pid, SIGKILL);
}

void LeaderHook::reaped(const Exit& exit) {
    if (process_.pid <= 0 || exit.pid != process_.pid) return;
    const std::string reason = reason_of(outcome_of(process_).value_or(SpawnOutcome{}), exit);
    process_ = {};
    if (std::exchange(killed_, false)) return;
    if (!reason.empty()) log::warn("{} for {}: it {}", kKey, leader_, reason);
}

void LeaderHook::tick(Instant now, Duration limit, bool may_start) {
    if (process_.pid > 0) {
        if (killed_ || !reached_on_any_clock(started_at_ + limit, now)) return;
        kill_hook(process_.pid);
        killed_ = true;
        log::warn("{} for {}: it takes too long, and was killed (workload.hooks.timeout)", kKey, leader_);
        return;
    }
    if (!next_ || !may_start) return;
    leader_ = *std::exchange(next_, std::nullopt);
    started_at_ = now;
    if (auto spawned = spawn_(leader_)) {
        process_ = std::move(*spawned);
    } else {
        log::warn("{} for {}: it cannot be started: {}", kKey, leader_, spawned.error().message);
    }
}

std::optional<Duration> LeaderHook::wake(Instant now, Duration limit) const {
    if (process_.pid > 0 && !killed_) return std::max(left_on_any_clock(started_at_ + limit, now), Duration(0));
    return waits() ? std::optional(Duration(0)) : std::nullopt;
}

}  // namespace leasehold::supervisor
