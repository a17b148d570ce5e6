// SPDX-License-Identifier: Apache-2.0
#include "supervisor/grouped_command.h"

#include <csignal>
#include <utility>

namespace leasehold::supervisor {

void GroupedCommand::began(Spawned process) {
    process_ = std::move(process);
    killed_ = false;
}

void GroupedCommand::kill() {
    if (process_.pid <= 1 || std::exchange(killed_, true)) return;  // to these numbers kill(2) gives another meaning
    ::kill(-process_.pid, SIGKILL);
    ::kill(process_.pid, SIGKILL);
}

void GroupedCommand::has_ended(pid_t pid) const {
    if (pid == process_.pid && pid > 1) ::kill(-pid, SIGKILL);
}

std::optional<GroupedCommand::Ending> GroupedCommand::reaped(const Exit& exit) {
    if (exit.pid != process_.pid) return std::nullopt;
    Ending ending{outcome_of(process_).value_or(SpawnOutcome{}), exit.status, killed_};
    process_ = {};
    killed_ = false;
    return ending;
}

}  // namespace leasehold::supervisor
