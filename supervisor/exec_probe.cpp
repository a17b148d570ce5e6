// SPDX-License-Identifier: Apache-2.0
#include "supervisor/exec_probe.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"

namespace leasehold::supervisor {
namespace {

constexpr Duration kStuckCheck = std::chrono::milliseconds(100);

}  // namespace

ExecProbe::ExecProbe(const ProbeOptions& options, std::uint32_t seed, Spawn spawn)
    : options_(options), judge_(options, seed), spawn_(std::move(spawn)) {}

void ExecProbe::begin(Instant now) { judge_.begin(now); }

void ExecProbe::end() {
    judge_.end();
    if (!command_.alive() || killed_at_) return;
    command_.kill();
    killed_at_ = Instant{};
}

void ExecProbe::withdraw(Instant now) {
    if (!command_.alive() || killed_at_) return;
    command_.kill();
    killed_at_ = now;
    judge_.withdrawn();
}

void ExecProbe::begin_anew(Instant now) {
    withdraw(now);
    judge_.begin(now);
}

std::optional<ExecOutcome> ExecProbe::reaped(const Exit& exit, Instant now) {
    const auto ending = command_.reaped(exit);
    if (!ending) return std::nullopt;
    killed_at_.reset();
    if (ending->killed) return std::nullopt;  // told already, or of no interest
    switch (ending->start.kind) {
        case SpawnOutcome::Kind::executed: break;
        case SpawnOutcome::Kind::failed:
        case SpawnOutcome::Kind::altered:
        case SpawnOutcome::Kind::unlike: return judge(now, ExecOutcome::Kind::unusable, ending->start.problem);
        case SpawnOutcome::Kind::late:
        case SpawnOutcome::Kind::orphaned: judge_.withdrawn(); return std::nullopt;
    }
    return judge(now, exit.status == 0 ? ExecOutcome::Kind::passed : ExecOutcome::Kind::failed, exit.status);
}

std::optional<ExecOutcome> ExecProbe::tick(Instant now, bool may_start) {
    if (judge_.overdue(now)) {
        command_.kill();
        killed_at_ = now;
        return judge(now, ExecOutcome::Kind::timed_out, 0);
    }
    if (!judge_.due(now)) return std::nullopt;
    if (command_.alive()) return count_stuck(now);
    return may_start ? start(now) : std::nullopt;
}

std::optional<ExecOutcome> ExecProbe::start(Instant now) {
    judge_.started(now);
    auto spawned = spawn_();
    if (!spawned) return judge(now, ExecOutcome::Kind::unusable, spawned.error().code);
    command_.began(std::move(*spawned));
    return std::nullopt;
}

// It was killed and does not die (a disk that hangs): that is an answer too, once for each timeout.
std::optional<ExecOutcome> ExecProbe::count_stuck(Instant now) {
    if (!killed_at_ || elapsed_at_least(*killed_at_, now) < options_.timeout) return std::nullopt;
    killed_at_ = now;
    judge_.started(now);
    return judge(now, ExecOutcome::Kind::timed_out, 0);
}

std::optional<ExecOutcome> ExecProbe::judge(Instant now, ExecOutcome::Kind kind, int detail) {
    if (!judge_.ended(now, kind == ExecOutcome::Kind::passed)) return std::nullopt;
    return ExecOutcome{kind, detail, judge_.failures(), judge_.state() == ProbeJudge::State::failing,
                       judge_.state() == ProbeJudge::State::passing};
}

std::optional<Duration> ExecProbe::wake(Instant now) const {
    const auto wake = judge_.wake(now);
    const bool dying = command_.alive() && !judge_.under_way();
    return wake && dying ? std::max(*wake, kStuckCheck) : wake;
}

}  // namespace leasehold::supervisor
