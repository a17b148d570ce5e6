// SPDX-License-Identifier: Apache-2.0
//
// What leasehold does with a signal that it receives. A pure function, for the guardian.
//
//   TERM, INT             leasehold ends, in order; the workload is asked to with its own stop signal
//   QUIT                  to the workload; leasehold ends when none runs here
//   CHLD                  children are reaped
//   TSTP, TTIN, TTOU      nothing: a stopped guardian would guard nothing
//   PIPE                  nothing: its own business
//   everything else       to the workload
//
// workload.signals.rewrite changes what is handed on, and nothing else. SIGCONT is handed on as it is: job control
// needs it.
#pragma once

#include "supervisor/options.h"

namespace leasehold::supervisor {

struct SignalRule {
    enum class Duty { nothing, reap, stop, hand_on };

    Duty duty = Duty::nothing;
    int handed_on = 0;  // the signal that the workload gets

    friend bool operator==(const SignalRule&, const SignalRule&) = default;
};

// `workload_here`: something of a workload may be alive below this guardian.
SignalRule rule_for(int signal, bool workload_here, const SignalOptions& options);

}  // namespace leasehold::supervisor
