// SPDX-License-Identifier: Apache-2.0
#include "supervisor/signal_rules.h"

namespace leasehold::supervisor {

SignalRule rule_for(int signal, bool workload_here, const SignalOptions& options) {
    using Duty = SignalRule::Duty;
    switch (signal) {
        case SIGTERM:
        case SIGINT: return {Duty::stop};
        case SIGCHLD: return {Duty::reap};
        case SIGPIPE:
        case SIGTSTP:
        case SIGTTIN:
        case SIGTTOU: return {Duty::nothing};
        case SIGCONT: return {Duty::hand_on, SIGCONT};
        case SIGQUIT:
            if (!workload_here) return {Duty::stop};
            break;
        default: break;
    }
    const auto rewritten = options.rewrite.find(signal);
    if (rewritten == options.rewrite.end()) return {Duty::hand_on, signal};
    if (rewritten->second == SignalOptions::kDropped) return {Duty::nothing};
    return {Duty::hand_on, rewritten->second};
}

}  // namespace leasehold::supervisor
