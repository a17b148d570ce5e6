// SPDX-License-Identifier: Apache-2.0
//
// Signals for the workload, and what its job control asks of leasehold.
#include <csignal>

#include <unistd.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

namespace leasehold::supervisor {

pid_t Supervisor::main_in_charge() const {
    if (tree_ && !tree_->waiting) return tree_->main;
    return standby_.machine.alive() && standby_.machine.is_command() ? standby_.main : -1;
}

void Supervisor::signal_workload(int signal) {
    const pid_t main = main_in_charge();
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
    const pid_t main = main_in_charge();
    if (!terminal_ || main <= 0) return;
    if (was_continued(main)) main_is_stopped_ = false;
    const auto signal = stopped_by(main);
    if (!signal) return;
    switch (terminal_.meaning_of_stop(*signal, main)) {
        case StopMeaning::none: return;
        case StopMeaning::needs_terminal: return signal_workload(SIGCONT);
        case StopMeaning::suspend:
            main_is_stopped_ = true;
            ++suspensions_;
            return tell_guardian(WorkloadStoppedMessage{*signal});
    }
}

// The shell continues the guardian as a rule, which then hands SIGCONT on. But the workload may also be continued or
// killed by hand, and below another init there may be nobody who does it. True when that is to be repeated, until it
// answers: it may not have stopped yet when it is continued.
bool Supervisor::wake_guardian() {
    if (suspensions_ == 0 || main_is_stopped_ || !guardian_) return false;
    if (getppid() == guardian_pid_) kill(guardian_pid_, SIGCONT);
    return true;
}

}  // namespace leasehold::supervisor
