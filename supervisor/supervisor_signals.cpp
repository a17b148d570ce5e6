// SPDX-License-Identifier: Apache-2.0
//
// Signals for the workload, and what its job control asks of leasehold.
#include <csignal>

#include "base/log.h"
#include "supervisor/supervisor.h"

namespace leasehold::supervisor {

void Supervisor::signal_workload(int signal) {
    const pid_t main = tree_ ? tree_->main : -1;
    if (main <= 0) {
        log::info("{} has nowhere to go: no workload is running here", signal_name(signal));
        return;
    }
    if (signal == SIGCONT) terminal_.hand_over(main);
    const bool to_group = spec_.workload.signals.to == SignalTarget::group;
    if (to_group && kill(-main, signal) == 0) return;
    // Without such a group it has moved to another one.
    if ((!to_group || errno == ESRCH) && kill(main, signal) == 0) return;
    log::error("{} cannot be sent to the workload: {}", signal_name(signal), std::generic_category().message(errno));
}

void Supervisor::notice_job_control() {
    if (!terminal_ || !tree_ || tree_->main <= 0) return;
    const auto signal = stopped_by(tree_->main);
    if (!signal) return;
    switch (terminal_.meaning_of_stop(*signal, tree_->main)) {
        case StopMeaning::none: return;
        case StopMeaning::needs_terminal: return signal_workload(SIGCONT);
        case StopMeaning::suspend: return tell_guardian(WorkloadStoppedMessage{*signal});
    }
}

}  // namespace leasehold::supervisor
