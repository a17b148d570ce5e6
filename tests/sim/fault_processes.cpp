// SPDX-License-Identifier: Apache-2.0
//
// Faults of processes and whole machines.
#include "tests/sim/faults.h"

namespace leasehold::sim {

Faults::Done Faults::inject_process(Fault fault) {
    if (fault < Fault::agent_crash || fault > Fault::several_stopped) return Done::not_mine;
    Candidate& candidate = victim();
    if (!candidate.up() || candidate.frozen()) return Done::not_now;
    switch (fault) {
        case Fault::agent_crash:
            if (!candidate.agent().process().alive() || !may_lose_memory()) return Done::not_now;
            candidate.agent().crash();
            candidate.guardian().agent_died();
            candidate.down_if_done();
            return Done::yes;
        case Fault::reloaded: {
            if (!candidate.agent().process().alive() || !may_lose_memory()) return Done::not_now;
            candidate.reload(victim().profile().timing);  // as another one has it
            return Done::yes;
        }
        case Fault::agent_stopped:
            if (!candidate.agent().process().running() || !may_lose_memory()) return Done::not_now;
            stop_for_a_while(candidate, candidate.agent().process(), "agent");
            return Done::yes;
        case Fault::agent_stuck:
            if (!candidate.agent().process().running() || !may_lose_memory()) return Done::not_now;
            context_.trace.note(candidate.index(), "agent is stopped for good");
            candidate.agent().process().stop();
            return Done::yes;
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
        case Fault::several_killed: return kill_several(candidate);
        case Fault::several_stopped: return stop_several(candidate);
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
        case Fault::resigned:
            candidate.agent().ask_to_resign(context_.random.chance(0.5) ? ""
                                                                        : std::string(victim().profile().identity));
            return Done::yes;
        case Fault::workload_restarted: candidate.supervisor().hear_restart(); return Done::yes;
        case Fault::paused:
            candidate.supervisor().hear_pause(true);
            later(a_while(), [&candidate] { candidate.supervisor().hear_pause(false); });
            return Done::yes;
        case Fault::clock_slewed: set_clocks(candidate, false); return Done::yes;
        default: return Done::not_mine;
    }
}

void Faults::stop_for_a_while(Candidate& candidate, Process& process, const char* name) {
    context_.trace.note(candidate.index(), name, "is stopped");
    process.stop();
    later(a_while(), [this, &candidate, &process, name, life = process.life()] {
        if (life != process.life() || !process.stopped()) return;
        context_.trace.note(candidate.index(), name, "goes on");
        process.resume();
    });
}

// Nobody asks it to stop; its agent has to notice. Sometimes it goes on before or after that.
Faults::Done Faults::stop_supervisor(Candidate& candidate) {
    Supervisor& supervisor = candidate.supervisor();
    if (!candidate.guardian().process().running() || !supervisor.sound()) return Done::not_now;
    const double luck = context_.random.share();
    if (luck < 0.3) {
        supervisor.stop_before_next_start(true);
        later(a_while(), [&supervisor] { supervisor.process().resume(); });
    } else if (luck < 0.5) {
        context_.trace.note(candidate.index(), "supervisor is stopped for good");
        supervisor.process().stop();
    } else {
        stop_for_a_while(candidate, supervisor.process(), "supervisor");
    }
    return Done::yes;
}

Faults::Done Faults::stop_guardian(Candidate& candidate) {
    if (!candidate.guardian().process().running() || !candidate.supervisor().sound()) return Done::not_now;
    stop_for_a_while(candidate, candidate.guardian().process(), "guardian");
    return Done::yes;
}

namespace {

struct Which {
    bool guardian = false;
    bool supervisor = false;
    bool agent = false;
};

// Two of the three, or all.
Which draw_several(Random& random) {
    const std::uint64_t spared = random.below(4);
    return {spared != 0, spared != 1, spared != 2};
}

// Guardian and supervisor together only where the kernel takes over.
bool is_allowed(const Which& which, Candidate& candidate) {
    if (!candidate.guardian().process().running() || !candidate.supervisor().sound()) return false;
    return !which.guardian || !which.supervisor || candidate.profile().kernel_backed;
}

}  // namespace

Faults::Done Faults::kill_several(Candidate& candidate) {
    const Which which = draw_several(context_.random);
    const bool all = which.guardian && which.supervisor && which.agent;
    if (!may_lose_memory() || (!all && !is_allowed(which, candidate))) return Done::not_now;
    if (all) {
        candidate.lose_processes();
        return Done::yes;
    }
    if (which.guardian) candidate.guardian().crash();
    if (which.supervisor) candidate.supervisor().crash();
    if (which.agent) {
        candidate.agent().crash();
        candidate.guardian().agent_died();
    }
    candidate.down_if_done();
    return Done::yes;
}

Faults::Done Faults::stop_several(Candidate& candidate) {
    const Which which = draw_several(context_.random);
    if (!may_lose_memory() || !is_allowed(which, candidate)) return Done::not_now;
    if (which.guardian) stop_for_a_while(candidate, candidate.guardian().process(), "guardian");
    if (which.supervisor) stop_for_a_while(candidate, candidate.supervisor().process(), "supervisor");
    if (which.agent) stop_for_a_while(candidate, candidate.agent().process(), "agent");
    return Done::yes;
}

Faults::Done Faults::freeze(Candidate& candidate, bool suspended) {
    if (!candidate.up() || candidate.frozen()) return Done::not_now;
    // The kernel's timer kills the supervisor then; without a guardian that runs only the kernel is left.
    if (!candidate.guardian().process().running() && !candidate.profile().kernel_backed) return Done::not_now;
    candidate.freeze(suspended);
    later(a_while(), [&candidate] { candidate.thaw(); });
    return Done::yes;
}

void Faults::set_clocks(Candidate& candidate, bool sane) {
    Random& random = context_.random;
    const auto half_drift = static_cast<std::int64_t>(candidate.timing().clock_drift * 1e6 / 2);
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
