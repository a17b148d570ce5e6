// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <unistd.h>

#include "supervisor/containment.h"
#include "supervisor/process_tree.h"

namespace leasehold::supervisor {
namespace {

class Subreaper : public Containment {
public:
    int enter() const override { return 0; }  // being born below us is all there is to it
    void signal_all(int signal) override { signal_descendants(getpid(), signal); }
    void kill_pass() override { signal_descendants(getpid(), SIGKILL); }
    bool empty(bool no_children) const override { return no_children; }
};

}  // namespace

std::unique_ptr<Containment> make_subreaper_containment() { return std::make_unique<Subreaper>(); }

}  // namespace leasehold::supervisor
