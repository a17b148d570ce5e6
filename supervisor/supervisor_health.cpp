// SPDX-License-Identifier: Apache-2.0
//
// Whether the workload is ready, then whether it is healthy: the supervisor's own probes, and what the agent has found.
#include <random>

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

namespace leasehold::supervisor {
namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(100);  // while no probe may begin

}  // namespace

Result<void> Supervisor::prepare_probes() {
    for (const Probed what : {Probed::ready, Probed::health}) {
        if (options_of(what).exec.empty()) continue;
        probes_.try_emplace(what, options_of(what), std::random_device{}(), [this, what] { return spawn_probe(what); });
    }
    if (probes_.empty()) return {};
    auto timer = Timer::create(*loop_, [this] { on_probe_timer(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    probe_timer_ = std::move(*timer);
    return {};
}

void Supervisor::change_probe(Probed what, const ProbeOptions& wanted) {
    if (wanted == options_of(what)) return;
    if (const auto found = probes_.find(what); found != probes_.end()) {
        found->second.end();
        probes_.erase(found);
    }
    (what == Probed::ready ? spec_.workload.ready.probe : spec_.workload.health) = wanted;
    if (auto ready = prepare_probes(); !ready) log::error("{}; the workload is not probed", ready.error().message);
    const bool was_executed = machine_.phase() == TermMachine::Phase::running && tree_ && tree_->executed_at;
    if (was_executed && (what == Probed::health) == tree_->ready) begin_probe(what);
}

const ProbeOptions& Supervisor::options_of(Probed what) const {
    return what == Probed::ready ? spec_.workload.ready.probe : spec_.workload.health;
}

Result<Spawned> Supervisor::spawn_probe(Probed what) {
    const auto nowhere = this->nowhere();
    if (!nowhere) return tl::unexpected<Error>(nowhere.error());
    const Executable executable(options_of(what).exec, environment_of(spec_.workload, told_in(spec_, tree_->grant)));
    SpawnSettings settings = as_configured();
    settings.beside = true;
    settings.streams = *nowhere;
    return spawn(executable, *containment_, machine_.grant().soft, settings);
}

// Not with a deadline so close that the fork could come between, and not while the shell's job control has stopped the
// workload.
bool Supervisor::may_probe(Instant at) const {
    return machine_.phase() == TermMachine::Phase::running && tree_ && tree_->main > 0 && !main_is_stopped_ &&
           left_on_any_clock(machine_.grant().soft, at) > spec_.kill_allowance;
}

void Supervisor::begin_probe(Probed what) {
    if (const auto found = probes_.find(what); found != probes_.end()) found->second.begin(now());
}

void Supervisor::on_probe_timer() {
    keep_deadlines();
    for (auto& [what, probe] : probes_) {
        const Instant at = now();
        if (const auto outcome = probe.tick(at, may_probe(at))) heard(what, *outcome);
    }
    settle();
}

// After every event: nothing is probed that is not meant to run.
void Supervisor::mind_probes() {
    if (probes_.empty()) return;
    const Instant at = now();
    std::optional<Duration> next;
    for (auto& [what, probe] : probes_) {
        if (machine_.phase() != TermMachine::Phase::running) probe.end();
        if (const auto wake = probe.wake(at)) next = std::min(*wake, next.value_or(*wake));
    }
    if (!next) return probe_timer_->disarm();
    probe_timer_->arm_in(may_probe(at) ? *next : std::max(*next, kLookAgain));
}

// Whether it is ready is for the agent to say, whichever way that is found out.
void Supervisor::heard(Probed what, const ExecOutcome& outcome) {
    if (machine_.phase() != TermMachine::Phase::running || !tree_) return;
    tell_agent(ProbedMessage{tree_->grant.term, tree_->main, what, outcome});
    if (what == Probed::health && outcome.failing) unhealthy({tree_->grant.term, tree_->main});
}

void Supervisor::executed() {
    tree_->executed_at = now();
    containment_->tidy_up();
    if (!spec_.workload.ready.probe.given) return workload_is_ready();
    begin_probe(Probed::ready);
}

void Supervisor::workload_is_ready() {
    if (std::exchange(tree_->ready, true)) return;
    if (const auto found = probes_.find(Probed::ready); found != probes_.end()) found->second.end();
    begin_probe(Probed::health);
    if (tree_->main > 0) perform(machine_.on_ready(now()));
}

// What is said may be meant of a workload that is no more.
bool Supervisor::is_running(Term term, std::int64_t pid) const {
    return machine_.phase() == TermMachine::Phase::running && tree_ && tree_->main > 0 && tree_->grant.term == term &&
           tree_->main == pid;
}

// While it is not to have consequences (a shell or an operator has put a stop to it), it is said again.
void Supervisor::unhealthy(const UnhealthyMessage& sick) {
    if (!is_running(sick.term, sick.pid) || main_is_stopped_ || machine_.paused()) return;
    const bool never_ready = sick.reason == UnhealthyMessage::Reason::never_ready;
    if (never_ready && tree_->ready) return;
    const AfterUnhealthy then = never_ready ? AfterUnhealthy::restart : spec_.workload.health.then;
    perform(machine_.on_unhealthy(now(), then));
    log::warn("the workload is not {}, so it is stopped, {}", never_ready ? "ready" : "healthy",
              then == AfterUnhealthy::restart ? "to be started again" : "and another candidate is to lead");
}

}  // namespace leasehold::supervisor
