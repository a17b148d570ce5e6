// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <unistd.h>

#include "supervisor/containment.h"
#include "supervisor/process_tree.h"

namespace leasehold::supervisor {
namespace {

class Subreaper : public Containment {
public:
    bool clear_leftovers() override { return true; }
    Result<pid_t> fork_inside() override {
        const pid_t pid = fork();
        if (pid < 0) return system_failure("fork");
        return pid;
    }
    int enter() const override { return 0; }  // being born below us is all there is to it
    void main_has_ended() override {}
    void signal_all(int signal) override { signal_descendants(getpid(), signal); }
    void kill_pass(pid_t root, pid_t except) override { signal_descendants(root, SIGKILL, except); }
    bool empty(bool no_children) const override { return no_children; }
    int changes_fd() const override { return -1; }
    void remove() override {}
};

}  // namespace

std::unique_ptr<Containment> make_containment(const ContainmentPlan&, const std::string&) {
    return std::make_unique<Subreaper>();
}

}  // namespace leasehold::supervisor
