// SPDX-License-Identifier: Apache-2.0
//
// The containment by a PID namespace (pid_namespaces(7)), as a class because its probe needs more than the contract.
#pragma once

#include <string>

#include "base/fd.h"
#include "supervisor/containment.h"

namespace leasehold::supervisor {

class PidNamespace : public Containment {
public:
    PidNamespace(const ContainmentPlan& plan, const std::string& incarnation);

    Leftovers clear_leftovers() override;
    bool nothing_is_left() override;
    Result<pid_t> fork_inside(Purpose purpose) override;
    Result<pid_t> fork_beside() override;
    int enter() const override;  // a mount namespace, whose only difference is a /proc of the new PID namespace
    void main_has_ended() override;
    void signal_all(int signal) override;
    void kill_pass(pid_t root, Except except, Sweep sweep) override;
    // The init and the workload's own process are children of the supervisor, or the guardian, and an init is reaped
    // only after everything in its namespace.
    bool empty(bool no_children) const override { return no_children; }
    int changes_fd() const override { return -1; }
    void remove() override {}

    void kill_init();

private:
    Result<pid_t> fork_init_and_workload();
    bool init_lives() const;

    std::string lock_mark_;
    std::string incarnation_;
    UniqueFd self_;     // of the supervisor, for its init to see whether it is alive
    UniqueFd outside_;  // our own PID namespace
    UniqueFd init_;
    pid_t init_pid_ = -1;
    std::string proc_options_;
    unsigned long proc_flags_ = 0;
};

}  // namespace leasehold::supervisor
