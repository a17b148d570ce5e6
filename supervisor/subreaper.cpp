// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <unistd.h>

#include "supervisor/containments.h"
#include "supervisor/leftovers.h"
#include "supervisor/process_tree.h"

namespace leasehold::supervisor {
namespace {

class Subreaper : public Containment {
public:
    Subreaper(const ContainmentPlan& plan, const std::string& incarnation)
        : lock_mark_(plan.lock_mark), incarnation_(incarnation) {}

    Leftovers clear_leftovers() override { return as_leftovers(kill_leftovers(lock_mark_, incarnation_)); }
    bool nothing_is_left() override {
        return supervisor::nothing_is_left(lock_mark_, incarnation_, kMostLookedAtAhead);
    }
    Result<pid_t> fork_inside(Purpose) override {
        const pid_t pid = fork();
        if (pid < 0) return system_failure("fork");
        return pid;
    }
    Result<pid_t> fork_beside() override { return fork_inside(Purpose::term); }
    int enter() const override { return 0; }  // being born below us is all there is to it
    void main_has_ended() override {}
    void signal_all(int signal) override { signal_descendants(getpid(), signal); }
    void kill_pass(pid_t root, Except except, Sweep) override { kill_descendants(root, except); }
    bool empty(bool no_children) const override { return no_children; }
    int changes_fd() const override { return -1; }
    void remove() override {}

private:
    std::string lock_mark_;
    std::string incarnation_;
};

}  // namespace

std::unique_ptr<Containment> make_subreaper(const ContainmentPlan& plan, const std::string& incarnation) {
    return std::make_unique<Subreaper>(plan, incarnation);
}

}  // namespace leasehold::supervisor
