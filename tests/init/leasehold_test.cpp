// SPDX-License-Identifier: Apache-2.0
//
// What only leasehold has, and so nothing to compare it with: a terminal without a workload, and parts that can die.
#include <csignal>

#include <gtest/gtest.h>

#include "tests/init/roles.h"
#include "tests/init/subject.h"

namespace leasehold::init_test {
namespace {

using harness::eventually;
using harness::is_stopped;

constexpr auto kLimit = std::chrono::seconds(30);

pid_t role_of(pid_t guardian, const std::string& name) {
    for (const pid_t child : harness::children_of(guardian)) {
        if (harness::name_of(child) == name) return child;
    }
    return -1;
}

// Runs leasehold in the foreground of a shell, and types the suspend key.
void run_and_suspend(Subject& shell, const harness::TempFolder& folder, pid_t& guardian) {
    std::string line;
    for (const std::string& part : command_line(Init::leasehold, role("@report"), folder.path())) line += part + ' ';
    shell.type(line + "\n");
    ASSERT_TRUE(shell.says("up fg=1", kLimit)) << shell.heard();
    shell.type("\x1a");
    ASSERT_TRUE(shell.says("Stopped", kLimit)) << shell.heard();
    ASSERT_EQ(harness::children_of(shell.init()).size(), 1U);
    guardian = harness::children_of(shell.init()).front();
}

TEST(Standby, has_the_terminal_itself_and_is_stopped_in_order_by_its_keys) {
    const harness::TempFolder folder;
    const auto line = command_line(Init::leasehold, role("@report"), folder.path());
    Subject leader(line, {});
    ASSERT_TRUE(leader.says("up", kLimit)) << leader.errors();
    Subject standby(line, {.terminal = true});
    ASSERT_TRUE(eventually([&] { return role_of(standby.init(), "leasehold-agent") > 0; }));
    EXPECT_EQ(standby.foreground(), standby.init());
    standby.type(kInterrupt);
    EXPECT_EQ(standby.ends(kLimit), 0) << standby.heard();
    leader.signal(SIGTERM);
    EXPECT_EQ(leader.ends(kLimit), 7) << leader.errors();
}

// As `timeout` and service managers do it, to all of its processes. Whenever it comes, it is a stop and no failure.
TEST(Group, may_be_stopped_at_any_moment_of_the_start) {
    constexpr int kMoments = 60;
    constexpr int kNoStart = 125;
    for (int moment = 0; moment < kMoments; ++moment) {
        const harness::TempFolder folder;
        harness::Process process({.arguments = command_line(Init::leasehold, role("@report"), folder.path()),
                                  .output = folder.path("log"),
                                  .environment = {}});
        usleep(static_cast<useconds_t>(moment) * 150);
        const int signal = moment % 2 == 0 ? SIGTERM : SIGINT;
        if (kill(-process.pid(), signal) != 0) kill(process.pid(), signal);  // it has no group of its own yet
        const auto status = process.wait(kLimit);
        ASSERT_TRUE(status);
        EXPECT_NE(*status, kNoStart) << moment << ": " << harness::read_file(folder.path("log"));
    }
}

TEST(Terminal, is_taken_back_from_what_a_dead_supervisor_left_and_handed_over_again) {
    const harness::TempFolder folder;
    Subject subject(command_line(Init::leasehold, role("@report"), folder.path()), {.terminal = true});
    ASSERT_TRUE(subject.says("up fg=1", kLimit)) << subject.heard();
    EXPECT_NE(subject.foreground(), subject.init());
    const pid_t supervisor = role_of(subject.init(), "leasehold-super");
    ASSERT_GT(supervisor, 0);
    kill(supervisor, SIGKILL);
    ASSERT_TRUE(subject.says("up fg=1", kLimit)) << subject.heard();
    subject.type("exit 5\n");
    EXPECT_EQ(subject.ends(kLimit), 5) << subject.heard();
}

// The guardian is stopped by the shell's job control, the agent by hand: the supervisor holds the deadlines alone, and
// wakes what it asks to stop.
TEST(Suspended, the_deadlines_hold) {
    const harness::TempFolder folder;
    Subject shell(interactive_shell(), {.terminal = true});
    pid_t guardian = -1;
    ASSERT_NO_FATAL_FAILURE(run_and_suspend(shell, folder, guardian));
    const pid_t agent = role_of(guardian, "leasehold-agent");
    ASSERT_GT(agent, 0);
    kill(agent, SIGSTOP);
    EXPECT_TRUE(shell.says("got TERM", kLimit)) << shell.heard();
    const pid_t supervisor = role_of(guardian, "leasehold-super");
    EXPECT_TRUE(eventually([&] { return harness::children_of(supervisor).empty(); }));
    // There is nothing to be stopped with any more. It goes on as a candidate, and may be taken to the foreground.
    EXPECT_TRUE(eventually([&] { return !is_stopped(guardian); }));
    shell.type("fg\n");
    EXPECT_TRUE(eventually([&] { return shell.foreground() == guardian; }));
    kill(agent, SIGCONT);
    EXPECT_TRUE(shell.says("up fg=1", kLimit)) << shell.heard();
}

// Nobody else would wake the guardian to empty what it left.
TEST(Suspended, a_supervisor_that_dies_is_noticed) {
    const harness::TempFolder folder;
    Subject shell(interactive_shell(), {.terminal = true});
    pid_t guardian = -1;
    ASSERT_NO_FATAL_FAILURE(run_and_suspend(shell, folder, guardian));
    const pid_t supervisor = role_of(guardian, "leasehold-super");
    ASSERT_GT(supervisor, 0);
    const auto workload = harness::children_of(supervisor);
    ASSERT_EQ(workload.size(), 1U);
    kill(supervisor, SIGKILL);
    EXPECT_TRUE(eventually([&] { return !harness::lives(workload.front()); }));
    EXPECT_TRUE(eventually([&] { return !is_stopped(guardian); })) << shell.heard();
    EXPECT_TRUE(eventually([&] { return role_of(guardian, "leasehold-super") > 0; })) << shell.heard();
}

// Below another init nobody would ever continue the guardian: whoever continues the workload does.
TEST(Suspended, goes_on_with_a_workload_that_is_continued_by_hand) {
    const harness::TempFolder folder;
    std::vector<std::string> line{"tini", "-s", "--"};
    for (std::string& part : command_line(Init::leasehold, role("@report"), folder.path())) {
        line.push_back(std::move(part));
    }
    Subject tini(line, {.terminal = true});
    ASSERT_TRUE(tini.says("up fg=1", kLimit)) << tini.heard();
    ASSERT_EQ(harness::children_of(tini.init()).size(), 1U);
    const pid_t guardian = harness::children_of(tini.init()).front();
    const auto workload = harness::children_of(role_of(guardian, "leasehold-super"));
    ASSERT_EQ(workload.size(), 1U);
    for (int round = 0; round < 200; ++round) {
        kill(workload.front(), SIGSTOP);
        const bool wait_for_it = round % 2 == 0;
        ASSERT_TRUE(!wait_for_it || eventually([&] { return is_stopped(guardian); })) << "round " << round;
        kill(workload.front(), SIGCONT);
        ASSERT_TRUE(eventually([&] { return !is_stopped(guardian); })) << "round " << round;
    }
    kill(tini.init(), SIGTERM);
    EXPECT_TRUE(tini.says("got TERM", kLimit)) << tini.heard();
}

TEST(Terminal, belongs_to_no_agent) {
    const harness::TempFolder folder;
    Subject subject(command_line(Init::leasehold, role("@report"), folder.path()), {.terminal = true});
    ASSERT_TRUE(subject.says("up fg=1", kLimit)) << subject.heard();
    EXPECT_EQ(getsid(role_of(subject.init(), "leasehold-super")), subject.init());
    const pid_t agent = role_of(subject.init(), "leasehold-agent");
    EXPECT_EQ(getsid(agent), agent);
}

TEST(NoTerminal, leaves_every_role_in_a_session_of_its_own) {
    const harness::TempFolder folder;
    Subject subject(command_line(Init::leasehold, role("@report"), folder.path()), {});
    ASSERT_TRUE(subject.says("up fg=0", kLimit)) << subject.errors();
    for (const char* name : {"leasehold-super", "leasehold-agent"}) {
        const pid_t process = role_of(subject.init(), name);
        EXPECT_EQ(getsid(process), process) << name;
    }
}

}  // namespace
}  // namespace leasehold::init_test
