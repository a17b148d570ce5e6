// SPDX-License-Identifier: Apache-2.0
//
// What kind of world a seed makes: how many candidates, with which timings, clocks and habits, over what sort of store,
// and which faults strike how often. Drawn anew for every run, with whole kinds of faults switched off at random, so
// that some runs are calm enough to reach what a constant storm never lets happen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "election/core/timing.h"
#include "supervisor/hook.h"
#include "supervisor/options.h"
#include "tests/sim/random.h"
#include "tests/sim/subject.h"

namespace leasehold::sim {

enum class Fault : std::size_t {
    // of the network and the store
    partition,
    one_way_partition,
    refused,
    slow_link,
    bad_link,
    store_outage,
    watch_stalled,
    watch_broken,
    watch_replayed,
    stale_reads,
    // of an operator
    record_deleted,
    record_vacated,
    holder_edited,
    duration_edited,
    record_garbled,
    record_touched,
    rolled_back,
    // of processes
    agent_crash,
    reloaded,  // with the timing of some candidate
    agent_stopped,
    agent_stuck,
    supervisor_crash,
    supervisor_stopped,
    guardian_crash,
    guardian_stopped,
    several_killed,
    several_stopped,
    frozen,
    suspended,
    candidate_crash,
    clean_stop,
    workload_ended,
    resigned,
    workload_restarted,
    paused,
    clock_slewed,
    count,
};
inline constexpr std::size_t kFaultKinds = static_cast<std::size_t>(Fault::count);
std::string_view name(Fault fault);

// How the fake store numbers things.
enum class Numbering {
    // Numbers grow over deletion and re-creation, an absent record has none; a restored backup brings old numbers back,
    // but versions carry a tag that no other write ever had.
    counted,
    // As a store with a witness of its own (the file store's lock file): numbers never repeat, absence is numbered,
    // "never written" and "restored" are known.
    witnessed,
};

// What one candidate is like for the whole run.
struct CandidateProfile {
    election::Timing timing;
    std::string_view identity;  // may be the same as another's
    Duration grace_period{};
    supervisor::RestartOptions restart;  // resigns at the end, so that it goes on as a candidate
    supervisor::HookPlan hooks;
    bool stop_command = false;
    // The kernel kills the tree when the supervisor is gone: PID 1 of a container, a PID namespace.
    bool kernel_backed = false;
    bool boot_is_good = true;  // which of the clocks the assumption holds for (clocks.h)

    Duration longest_stop() const { return grace_period + (hooks.after_stop ? hooks.timeout : Duration{}); }
};

struct Profile {
    std::vector<CandidateProfile> candidates;
    Numbering numbering = Numbering::counted;
    bool made_beforehand = false;  // by `leasehold init`: a released record
    bool one_timing = true;        // all candidates have the same lease duration
    Duration longest_lease{};
    Duration shortest_lease{};
    Duration kill_allowance{};
    Duration latency_low{};  // one way between a candidate and the store
    Duration latency_high{};
    double ignores_stop = 0;    // probability that a workload ignores the stop signal
    double ends_by_itself = 0;  // probability that a workload ends by itself, and soon
    double hooks_fail = 0;      // probability that a hook ends badly; as often it does not end
    std::array<double, kFaultKinds> weight{};
    Duration between_faults{};  // on average
    Breakage breakage = Breakage::none;

    // Of the kill allowance: how late a timer of a running process may be noticed, and how long a killed tree may take
    // to be gone. The rest is for timers on a slewed clock.
    Duration longest_lateness() const { return kill_allowance / 10; }
    //
    // Where the kernel backs the containment, guardian and supervisor may both be stopped at the hard instant. Then the
    // kernel's timer kills when half of the allowance has passed, and the kill has to make do with the other half.
    Duration longest_kill(int owner) const {
        return candidates[static_cast<std::size_t>(owner)].kernel_backed ? kill_allowance * 2 / 5
                                                                         : kill_allowance * 17 / 20;
    }
};

// What the caller asks for; everything else is chance.
struct Wishes {
    int candidates = 0;  // 0: by chance, 1 to 7
    Breakage breakage = Breakage::none;
};

Profile draw_profile(Random& random, const Wishes& wishes);

}  // namespace leasehold::sim
