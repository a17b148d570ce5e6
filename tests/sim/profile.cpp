// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/profile.h"

#include <algorithm>
#include <chrono>

namespace leasehold::sim {

using election::Timing;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Short leases dominate, so that a run sees many terms.
Duration draw_lease(Random& random) {
    const std::uint64_t luck = random.below(100);
    if (luck < 60) return seconds(1);
    if (luck < 75) return milliseconds(1500);
    if (luck < 85) return seconds(3);
    if (luck < 93) return seconds(5);
    if (luck < 98) return seconds(15);
    return seconds(60);
}

Timing draw_timing(Random& random, Duration lease, Duration kill_allowance) {
    for (;;) {
        Timing timing;
        timing.lease_duration = lease;
        timing.kill_allowance = kill_allowance;
        timing.renew_deadline = random.scaled(lease, 0.4, 0.9);
        timing.retry_period = random.scaled(timing.renew_deadline, 0.1, 0.45);
        if (check(timing).empty()) return timing;
    }
}

// Only of sound subjects: some of the broken ones are caught so rarely that their worlds are to stay as they are.
void draw_hooks(Random& random, Profile& profile) {
    profile.hooks_fail = random.chance(0.4) ? 0.3 : 0.02;
    const auto given = [&] { return random.chance(0.3); };
    for (CandidateProfile& candidate : profile.candidates) {
        candidate.hooks = {given(), given(), given(), given(), {}};
        candidate.hooks.timeout = random.scaled(candidate.timing.lease_duration, 0.02, 0.5);
        candidate.stop_command = given();
    }
}

supervisor::RestartOptions draw_restart(Random& random, Duration lease) {
    supervisor::RestartOptions restart;
    restart.policy = random.chance(0.5) ? supervisor::RestartWhen::always : supervisor::RestartWhen::never;
    restart.then = supervisor::AfterTheLast::resign;
    restart.initial_backoff = random.scaled(lease, 0.0, 0.6);
    restart.max_backoff = restart.initial_backoff * 4;
    restart.give_up_after = static_cast<int>(random.below(4));
    return restart;
}

void draw_candidates(Random& random, const Wishes& wishes, Profile& profile) {
    constexpr std::string_view kIdentities[] = {"a", "b", "c", "d", "e", "f", "g"};
    const std::size_t count = wishes.candidates > 0 ? static_cast<std::size_t>(wishes.candidates) : 1 + random.index(7);
    profile.kill_allowance = milliseconds(random.between(50, 250));
    profile.one_timing = random.chance(0.7);
    const bool one_identity = random.chance(0.1);
    const Duration lease = draw_lease(random);
    const Timing timing = draw_timing(random, lease, profile.kill_allowance);
    profile.shortest_lease = profile.longest_lease = lease;
    for (std::size_t i = 0; i < count; ++i) {
        CandidateProfile candidate;
        candidate.identity = one_identity ? kIdentities[0] : kIdentities[i % std::size(kIdentities)];
        candidate.timing = timing;
        if (!profile.one_timing && i > 0) {
            const Duration own = std::max<Duration>(random.scaled(lease, 0.3, 3.0), seconds(1));
            candidate.timing = draw_timing(random, own, profile.kill_allowance);
        }
        candidate.grace_period = random.scaled(candidate.timing.lease_duration, 0.05, 2.0);
        candidate.restart = draw_restart(random, candidate.timing.lease_duration);
        candidate.kernel_backed = random.chance(0.5);
        candidate.boot_is_good = random.chance(0.5);
        profile.shortest_lease = std::min(profile.shortest_lease, candidate.timing.lease_duration);
        profile.longest_lease = std::max(profile.longest_lease, candidate.timing.lease_duration);
        profile.candidates.push_back(candidate);
    }
}

}  // namespace

Profile draw_profile(Random& random, const Wishes& wishes) {
    Profile profile;
    draw_candidates(random, wishes, profile);
    profile.numbering = random.chance(0.5) ? Numbering::counted : Numbering::witnessed;
    profile.made_beforehand = random.chance(0.5);
    profile.breakage = wishes.breakage;
    profile.latency_low = microseconds(random.between(20, 500));
    profile.latency_high =
        random.chance(0.7) ? profile.latency_low * 3 : random.scaled(profile.shortest_lease, 0.01, 0.12);
    profile.ignores_stop = random.chance(0.5) ? 0.5 : 0.1;
    profile.ends_by_itself = random.chance(0.4) ? 0.6 : 0.05;
    const bool operators = random.chance(0.6);
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
        const bool by_operator =
            i >= static_cast<std::size_t>(Fault::record_deleted) && i <= static_cast<std::size_t>(Fault::rolled_back);
        const double weight = random.chance(0.6) ? 0.2 + random.share() : 0.0;
        profile.weight[i] = by_operator && !operators ? 0.0 : weight;
    }
    profile.weight[static_cast<std::size_t>(Fault::clean_stop)] += 0.5;
    profile.between_faults = random.scaled(profile.longest_lease, 0.1, 1.5);
    if (wishes.breakage == Breakage::none) draw_hooks(random, profile);
    return profile;
}

std::string_view name(Fault fault) {
    constexpr std::array<std::string_view, kFaultKinds> kNames{"partition",
                                                               "one_way_partition",
                                                               "refused",
                                                               "slow_link",
                                                               "bad_link",
                                                               "store_outage",
                                                               "watch_stalled",
                                                               "watch_broken",
                                                               "watch_replayed",
                                                               "stale_reads",
                                                               "record_deleted",
                                                               "record_vacated",
                                                               "holder_edited",
                                                               "duration_edited",
                                                               "record_garbled",
                                                               "record_touched",
                                                               "rolled_back",
                                                               "agent_crash",
                                                               "reloaded",
                                                               "agent_stopped",
                                                               "agent_stuck",
                                                               "supervisor_crash",
                                                               "supervisor_stopped",
                                                               "guardian_crash",
                                                               "guardian_stopped",
                                                               "several_killed",
                                                               "several_stopped",
                                                               "frozen",
                                                               "suspended",
                                                               "candidate_crash",
                                                               "clean_stop",
                                                               "workload_ended",
                                                               "resigned",
                                                               "workload_restarted",
                                                               "paused",
                                                               "clock_slewed"};
    return kNames[static_cast<std::size_t>(fault)];
}

}  // namespace leasehold::sim
