// SPDX-License-Identifier: Apache-2.0
//
// Faults of processes and whole machines.
#include "tests/sim/faults.h"

namespace leasehold::sim {

Faults::Done Faults::inject_process(Fault fault) {
    if (fault < Fault::agent_crash || fault > Fault::guardian_stopped) return Done::not_mine;
    Candidate& candidate = victim();
    if (!candidate.up() || candidate.frozen()) return Done::not_now;
    switch (fault) {
        case Fault::agent_crash:
            if (!candidate.agent().process().alive() || !may_lose_memory()) return Done::not_now;
            candidate.agent().crash();
            candidate.guardian().agent_died();
            candidate.down_if_done();
            return Done::yes;
        case Fault::agent_stopped: return stop_agent(candidate);
        case Fault::supervisor_crash:
            if (!candidate.guardian().process().running() || !candidate.supervisor().process().alive())
                return Done::not_now;
            candidate.supervisor().crash();
            return Done::yes;
        case Fault::supervisor_stopped: return stop_supervisor(candidate);
        case Fault::guardian_crash:
            if (!candidate.guardian().process().running() || !candidate.supervisor().sound()) return Done::not_now;
            if (!may_lose_memory()) return Done::not_now;
            candidate.guardian().crash();
            return Done::yes;
        case Fault::guardian_stopped: return stop_guardian(candidate);
        default: return Done::not_mine;
    }
}

Faults::Done Faults::inject_machine(Fault fault) {
    Candidate& candidate = victim();
    switch (fault) {
        case Fault::frozen: return freeze(candidate, false);
        case Fault::suspended: return candidate.profile().boot_is_good ? freeze(candidate, true) : Done::not_now;
        case Fault::candidate_crash:
            if (!candidate.up() || !may_lose_memory()) return Done::not_now;
            candidate.crash();
            return Done::yes;
        case Fault::clean_stop:
            if (!candidate.up() || !candidate.guarded() || !may_lose_memory()) return Done::not_now;
            candidate.ask_to_stop();
            return Done::yes;
        case Fault::workload_ended:
            if (!candidate.tree().alive() || candidate.frozen()) return Done::not_now;
            candidate.tree().end_by_itself();
            return Done::yes;
        case Fault::clock_slewed: set_clocks(candidate, false); return Done::yes;
        default: return Done::not_mine;
    }
}

Faults::Done Faults::stop_agent(Candidate& candidate) {
    if (!candidate.agent().process().running()) return Done::not_now;
    context_.trace.note(candidate.index(), "agent is stopped");
    candidate.agent().process().stop();
    later(a_while(), [this, &candidate] {
        context_.trace.note(candidate.index(), "agent goes on");
        candidate.agent().process().resume();
    });
    return Done::yes;
}

// The agent notices after a while that its supervisor does not answer.
Faults::Done Faults::stop_supervisor(Candidate& candidate) {
    Supervisor& supervisor = candidate.supervisor();
    if (!candidate.guardian().process().running() || !supervisor.sound()) return Done::not_now;
    if (context_.random.chance(0.3)) {
        supervisor.stop_before_next_start(true);
    } else {
        context_.trace.note(candidate.index(), "supervisor is stopped");
        supervisor.process().stop();
    }
    later(context_.random.scaled(candidate.profile().timing.renew_deadline, 0.2, 0.6), [&candidate, &supervisor] {
        if (supervisor.process().stopped()) candidate.agent().lose_supervisor();
    });
    later(a_while(), [this, &candidate, &supervisor] {
        if (!supervisor.process().stopped()) return;
        context_.trace.note(candidate.index(), "supervisor goes on");
        supervisor.process().resume();
        supervisor.process().deliver([&candidate] { candidate.agent().regain_supervisor(); });
    });
    return Done::yes;
}

Faults::Done Faults::stop_guardian(Candidate& candidate) {
    if (!candidate.guardian().process().running() || !candidate.supervisor().sound()) return Done::not_now;
    context_.trace.note(candidate.index(), "guardian is stopped");
    candidate.guardian().process().stop();
    later(a_while(), [this, &candidate] {
        context_.trace.note(candidate.index(), "guardian goes on");
        candidate.guardian().process().resume();
    });
    return Done::yes;
}

Faults::Done Faults::freeze(Candidate& candidate, bool suspended) {
    if (!candidate.up() || candidate.frozen()) return Done::not_now;
    candidate.freeze(suspended);
    later(a_while(), [&candidate] { candidate.thaw(); });
    return Done::yes;
}

void Faults::set_clocks(Candidate& candidate, bool sane) {
    Random& random = context_.random;
    const auto half_drift = static_cast<std::int64_t>(candidate.profile().timing.clock_drift * 1e6 / 2);
    const auto draw = [&random](std::int64_t most) {
        const std::uint64_t luck = random.below(4);
        return luck == 0 ? most : luck == 1 ? -most : random.between(-most, most);
    };
    constexpr std::int64_t kSlewedMost = 80'000;
    const std::int64_t good = draw(half_drift);
    const std::int64_t other = draw(sane ? half_drift : kSlewedMost);
    const bool boot_is_good = candidate.profile().boot_is_good;
    candidate.set_rates(boot_is_good ? good : other, boot_is_good ? other : good);
}

}  // namespace leasehold::sim
