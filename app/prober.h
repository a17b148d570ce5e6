// SPDX-License-Identifier: Apache-2.0
//
// Probes something over the network again and again, as a judge says (supervisor/probe_judge.h), and tells of each
// outcome that counts.
//
// Threads: the loop's. Never blocks. The loop outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/journal.h"
#include "app/net_probe.h"
#include "base/event_loop.h"
#include "supervisor/exec_outcome.h"
#include "supervisor/options.h"
#include "supervisor/probe_judge.h"

namespace leasehold::app {

struct ProbeNews {
    bool passed = false;
    std::string words;  // "status 200"
    int failures = 0;   // in a row
    supervisor::ProbeJudge::State state = supervisor::ProbeJudge::State::unknown;
};

// What an executed probe has found, in the same words.
ProbeNews news_of(const supervisor::ExecOutcome& outcome, const supervisor::ProbeOptions& options);

// What is known so far.
struct ProbeState {
    std::string words;  // for /status; empty: there is no probe
    bool failing = false;
    bool passed = false;         // lately
    bool failures_seen = false;  // any, since it was forgotten

    // For before the first outcome.
    void forget(bool there_is_one);

    // Takes the news in. Returns what is to be said of them: each failure, and that it passes when it did not before.
    // `name` is what is probed, `consequence` what follows from a failure that makes it failing.
    std::optional<Sentence> take(const ProbeNews& news, const std::string& name, const std::string& consequence);
};

class Prober {
public:
    using Heard = std::function<void(const ProbeNews&)>;

    // Nothing when the options ask for nothing that the network could answer.
    static Result<std::unique_ptr<Prober>> create(EventLoop& loop, const supervisor::ProbeOptions& options,
                                                  Heard heard);

    void begin();  // anew, with the initial delay
    void end();

private:
    Prober(const supervisor::ProbeOptions& options, std::unique_ptr<NetProbe> probe, Heard heard);
    void on_timer();
    void ended(const NetProbe::Outcome& outcome);
    void arm();

    supervisor::ProbeJudge judge_;
    std::unique_ptr<NetProbe> probe_;
    Heard heard_;
    std::unique_ptr<Timer> timer_;
};

// Whether the probes that these options ask for can be made here: for a start, before anything runs.
Result<void> try_probes(const supervisor::WorkloadOptions& workload);

}  // namespace leasehold::app
