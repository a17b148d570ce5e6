// SPDX-License-Identifier: Apache-2.0
//
// The last moments before an execution.
#include "supervisor/spawn.h"

#include <cerrno>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "tests/process/candidate.h"

namespace leasehold::process_test {
namespace {

using supervisor::Purpose;
using supervisor::SpawnOutcome;

class NothingAround : public supervisor::Containment {
public:
    explicit NothingAround(int problem) : problem_(problem) {}
    supervisor::Leftovers clear_leftovers() override { return supervisor::Leftovers::none; }
    bool nothing_is_left() override { return true; }
    Result<pid_t> fork_inside(Purpose) override { return fork(); }
    Result<pid_t> fork_beside() override { return fork(); }
    int enter() const override { return problem_; }
    void main_has_ended() override {}
    void signal_all(int) override {}
    void kill_pass(pid_t, supervisor::Except, supervisor::Sweep) override {}
    bool empty(bool no_children) const override { return no_children; }
    int changes_fd() const override { return -1; }
    void remove() override {}

private:
    int problem_;
};

struct Ended {
    SpawnOutcome outcome;
    int status = 0;
};

Ended spawn_and_wait(const std::string& command, Duration until_soft, int problem_of_containment = 0) {
    const supervisor::Executable executable({command}, {"PATH=/bin:/usr/bin"});
    NothingAround around(problem_of_containment);
    auto spawned = supervisor::spawn(executable, around, now() + until_soft);
    EXPECT_TRUE(spawned) << spawned.error().message;
    pollfd ready{spawned->progress.get(), POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, 60'000), 1);
    const auto outcome = supervisor::outcome_of(*spawned);
    EXPECT_TRUE(outcome);
    int status = 0;
    EXPECT_EQ(waitpid(spawned->pid, &status, 0), spawned->pid);
    return {outcome.value_or(SpawnOutcome{}), WEXITSTATUS(status)};
}

TEST(Spawn, executes) {
    const Ended ended = spawn_and_wait("false", std::chrono::hours(1));
    EXPECT_EQ(ended.outcome.kind, SpawnOutcome::Kind::executed);
    EXPECT_EQ(ended.status, 1);
}

TEST(Spawn, executes_nothing_from_the_soft_instant_on) {
    EXPECT_EQ(spawn_and_wait("false", Duration(0)).outcome.kind, SpawnOutcome::Kind::late);
}

TEST(Spawn, says_why_an_execution_failed) {
    const Ended ended = spawn_and_wait("no-such-command", std::chrono::hours(1));
    EXPECT_EQ(ended.outcome.kind, SpawnOutcome::Kind::failed);
    EXPECT_EQ(ended.outcome.problem, ENOENT);
}

TEST(Spawn, executes_nothing_outside_its_containment) {
    const Ended ended = spawn_and_wait("false", std::chrono::hours(1), EBUSY);
    EXPECT_EQ(ended.outcome.kind, SpawnOutcome::Kind::failed);
    EXPECT_EQ(ended.outcome.problem, EBUSY);
}

}  // namespace
}  // namespace leasehold::process_test
