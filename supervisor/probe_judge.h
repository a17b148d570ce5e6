// SPDX-License-Identifier: Apache-2.0
//
// When to probe, and what the outcomes mean. Whoever carries the probes out, over the network or by a command, asks
// this. Plain values: no I/O, no clock; the same seed and the same history give the same answers.
//
// Rules:
//   - one probe at a time: the next begins an interval after the last one began, but never before that has ended; each
//     interval is up to a twentieth longer or shorter, so that candidates do not ask in step;
//   - so many failures in a row make it failing, so many passes in a row make it passing; before either it is neither;
//   - a failure that came much later than the timeout says that we could not run (a machine that was suspended, a
//     process that was stopped), not how the other side is: it does not count. Nor does time in which nothing ran
//     shorten the initial delay.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "base/time.h"
#include "supervisor/probe_options.h"

namespace leasehold::supervisor {

class ProbeJudge {
public:
    enum class State { unknown, passing, failing };

    ProbeJudge(const ProbeOptions& options, std::uint32_t seed);

    // From now on there is something to probe, about which nothing is known: the initial delay begins.
    void begin(Instant now);

    // There is nothing to probe any more. The outcome of what is under way is of no interest.
    void end();

    // Whether a probe is to begin now; whoever begins one says so.
    bool due(Instant now) const;
    void started(Instant now);

    // Whether the one that is under way has used its time up. The judge is told of its end like of any other.
    bool overdue(Instant now) const;

    // The outcome of the one under way. False: it does not count.
    bool ended(Instant now, bool passed);

    // It could not be carried out, for reasons that are not the other side's.
    void withdrawn();

    // How long until due() or overdue() may have changed; nothing when there is nothing to wait for.
    std::optional<Duration> wake(Instant now) const;

    State state() const { return state_; }
    int failures() const { return failures_; }  // in a row, up to now
    bool under_way() const { return started_at_.has_value(); }

private:
    ProbeOptions options_;
    std::minstd_rand random_;
    std::optional<Instant> next_;        // when the next one may begin; nothing: there is nothing to probe
    std::optional<Instant> started_at_;  // of the one under way
    State state_ = State::unknown;
    int failures_ = 0;
    int passes_ = 0;
};

}  // namespace leasehold::supervisor
