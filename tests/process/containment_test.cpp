// SPDX-License-Identifier: Apache-2.0
//
// Trees that try to get away, the proofs that nothing is left of them, and controls which show that these tests can
// fail.
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "supervisor/containment.h"
#include "supervisor/process_tree.h"
#include "supervisor/reaper.h"
#include "supervisor/role_process.h"
#include "tests/process/candidate.h"

namespace leasehold::process_test {
namespace {

TEST(Containment, daemon_is_killed_and_empty_is_said_only_then) {
    Candidate candidate;
    candidate.workload("(setsid sh -c '(setsid sh -c \"trap \\\"\\\" TERM HUP; echo \\$\\$ > " +
                       candidate.file("daemon") + "; exec sleep 1000\" &)' &); exec sleep 1000");
    candidate.spec.workload.stop.grace_period = std::chrono::milliseconds(300);
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    const pid_t daemon = pid_in(candidate.file("daemon"));
    ASSERT_TRUE(eventually([&] { return parent_of(daemon) == candidate.supervisor(); }));
    candidate.tell_agent("revoke 1 orderly");
    candidate.expect("supervisor EXITED 1 status=143 signal");
    EXPECT_TRUE(alive(daemon));
    candidate.expect("supervisor KILLED 1");
    candidate.expect("supervisor EMPTY 1 tree in-time");
    EXPECT_FALSE(alive(daemon));
}

TEST(Containment, what_the_main_process_leaves_behind_is_asked_first) {
    Candidate candidate;
    candidate.workload("(setsid sh -c 'trap \"echo asked > " + candidate.file("asked") + "; exit\" TERM; echo $$ > " +
                       candidate.file("daemon") + "; while :; do sleep 0.02; done' &); while [ ! -s " +
                       candidate.file("daemon") + " ]; do sleep 0.02; done; exit 6");
    ASSERT_TRUE(candidate.start());
    candidate.tell_agent("grant 1 600000 900000");
    candidate.expect("supervisor EXITED 1 status=6");
    candidate.expect("supervisor STOPPING 1");
    candidate.expect("supervisor EMPTY 1 tree in-time");
    EXPECT_EQ(content_of(candidate.file("asked")), "asked\n");
    EXPECT_FALSE(alive(pid_in(candidate.file("daemon"))));
    candidate.tell_agent("exit 0");
    EXPECT_EQ(candidate.exit_status(), 6);
}

TEST(Containment, tree_that_forks_without_end_is_killed) {
    Candidate candidate;
    candidate.spec.workload.command = {"/proc/self/exe", "@relay"};
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    candidate.tell_agent("revoke 1 kill");
    candidate.expect("supervisor EMPTY 1 tree in-time");
    candidate.tell_agent("exit 0");
    candidate.exit_status();
    EXPECT_TRUE(candidate.nothing_left());
}

TEST(Containment, what_forks_without_end_is_killed_by_the_guardian_too) {
    Candidate candidate;
    candidate.spec.workload.command = {"/proc/self/exe", "@relay"};
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    kill(candidate.supervisor(), SIGKILL);
    candidate.expect("guardian EMPTIED 1");
    candidate.expect("supervisor HELLO idle");
    candidate.tell_agent("exit 0");
    candidate.exit_status();
    EXPECT_TRUE(candidate.nothing_left());
}

// "log-shipper & exec leasehold run ...": that child is not leasehold's to kill, and no part of the proof.
TEST(Containment, children_from_before_leasehold_are_left_alone) {
    Candidate candidate;
    const std::string shipper = candidate.file("shipper");
    candidate.before_launch = [&shipper] {
        const pid_t child = fork();
        if (child == 0) {
            for (;;) pause();
        }
        std::ofstream(shipper) << child << "\n" << std::flush;
    };
    candidate.workload("sleep 1000 & sleep 1000");
    ASSERT_TRUE(candidate.start());
    const pid_t earlier = pid_in(shipper);
    const pid_t workload = candidate.lead(1);
    kill(candidate.supervisor(), SIGKILL);
    candidate.expect("guardian EMPTIED 1");
    EXPECT_FALSE(alive(workload));
    EXPECT_TRUE(alive(earlier));
    candidate.expect("supervisor HELLO idle");
    kill(earlier, SIGKILL);
    EXPECT_TRUE(eventually([&] { return state_of(earlier) == 0; })) << "not reaped";
    candidate.lead(2);
    kill(candidate.supervisor(), SIGKILL);
    candidate.expect("guardian EMPTIED 2");
}

TEST(Containment, orphans_are_reaped_while_the_workload_runs) {
    Candidate candidate;
    candidate.workload("for i in 1 2 3 4 5 6 7 8 9; do (setsid true &); done; echo ready > " + candidate.file("ready") +
                       "; exec sleep 1000");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    content_of(candidate.file("ready"));
    EXPECT_TRUE(eventually([&] { return children_of(candidate.supervisor()) == std::vector<pid_t>{workload}; }));
    EXPECT_TRUE(alive(workload));
}

// ---- the subreaper's proof, and what happens without one ----------------------------------------------------------

struct Verdict {
    bool proven_empty = false;  // what the containment believed in the end
    bool daemon_survived = false;
};

// In a process of its own: starts something that daemonises itself, kills passes until there is proof, and looks.
Verdict contain_a_daemon(bool as_subreaper) {
    int answer[2];
    EXPECT_EQ(pipe(answer), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // so that one which escapes comes to us
    const pid_t escape_to = getpid();
    if (fork() == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, as_subreaper ? 1 : 0);
        int told[2];
        if (pipe(told) != 0) _exit(1);
        if (fork() == 0) {
            setsid();
            const pid_t daemon = fork();
            if (daemon == 0) {
                setsid();
                for (;;) pause();
            }
            _exit(write(told[1], &daemon, sizeof daemon) == sizeof daemon ? 0 : 1);
        }
        pid_t daemon = -1;
        if (read(told[0], &daemon, sizeof daemon) != sizeof daemon) _exit(1);
        const auto containment = supervisor::make_containment({}, "test");
        // The one in the middle has to end first, so that the daemon has gone wherever it goes.
        eventually([&] { return parent_of(daemon) == (as_subreaper ? getpid() : escape_to); });
        Verdict verdict;
        verdict.proven_empty = eventually([&] {
            if (containment->empty(supervisor::reap([](const supervisor::Exit&) {}))) return true;
            containment->kill_pass(getpid(), {}, supervisor::Sweep::everywhere);
            return false;
        });
        verdict.daemon_survived = alive(daemon);
        if (alive(daemon)) kill(daemon, SIGKILL);
        _exit(write(answer[1], &verdict, sizeof verdict) == sizeof verdict ? 0 : 1);
    }
    Verdict verdict;
    EXPECT_EQ(read(answer[0], &verdict, sizeof verdict), static_cast<ssize_t>(sizeof verdict));
    // The keeper, and what escaped to us.
    EXPECT_TRUE(eventually([] { return supervisor::reap([](const supervisor::Exit&) {}); }));
    close(answer[0]);
    close(answer[1]);
    return verdict;
}

TEST(Proof, no_child_left_means_nothing_left_for_a_subreaper) {
    const Verdict verdict = contain_a_daemon(true);
    EXPECT_TRUE(verdict.proven_empty);
    EXPECT_FALSE(verdict.daemon_survived);
}

TEST(Proof, control_without_subreaper_the_daemon_escapes_and_nobody_notices) {
    const Verdict verdict = contain_a_daemon(false);
    EXPECT_TRUE(verdict.proven_empty);
    EXPECT_TRUE(verdict.daemon_survived);
}

// ---- the guardian's proof while its agent lives ---------------------------------------------------------------------

class SpawnedRole {
public:
    SpawnedRole() : image_("@idle", {}) {
        auto process = supervisor::start_role_process(image_);
        EXPECT_TRUE(process) << process.error().message;
        if (process) process_ = std::move(*process);
    }
    ~SpawnedRole() {
        kill(process_.pid, SIGKILL);
        supervisor::Exit exit;
        EXPECT_TRUE(eventually([&] { return supervisor::reap_one(process_.pidfd.get(), exit); }));
        EXPECT_EQ(exit.pid, process_.pid);
    }
    pid_t pid() const { return process_.pid; }

private:
    supervisor::RoleImage image_;
    supervisor::RoleProcess process_;
};

// A dead supervisor with a living child, which becomes ours. Returns that child.
pid_t leave_an_orphan() {
    int told[2];
    EXPECT_EQ(pipe(told), 0);
    const pid_t middle = fork();
    if (middle == 0) {
        const pid_t orphan = fork();
        if (orphan == 0) {
            for (;;) pause();
        }
        _exit(write(told[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : 1);
    }
    pid_t orphan = -1;
    EXPECT_EQ(read(told[0], &orphan, sizeof orphan), static_cast<ssize_t>(sizeof orphan));
    EXPECT_TRUE(eventually([&] { return parent_of(orphan) == getpid(); }));
    close(told[0]);
    close(told[1]);
    return orphan;
}

bool only(std::initializer_list<pid_t> own) {
    return supervisor::reap([](const supervisor::Exit&) {}, std::span<const pid_t>(own.begin(), own.size()));
}

TEST(Proof, living_roles_are_left_out_and_orphans_are_not) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const auto nothing = [](const supervisor::Exit&) {};
    {
        const SpawnedRole first;
        const SpawnedRole second;
        EXPECT_TRUE(only({first.pid(), second.pid()}));
        EXPECT_FALSE(only({first.pid()}));
        EXPECT_FALSE(supervisor::reap(nothing));

        const pid_t orphan = leave_an_orphan();
        EXPECT_FALSE(only({first.pid(), second.pid()}));
        EXPECT_EQ(kill(orphan, SIGKILL), 0);
        EXPECT_TRUE(eventually([&] { return only({first.pid(), second.pid()}); }));
        EXPECT_FALSE(alive(orphan));
        EXPECT_TRUE(alive(first.pid()));
    }
    EXPECT_TRUE(supervisor::reap(nothing));
}

// The order of the list must not matter: here the orphan was there before the role.
TEST(Proof, an_orphan_older_than_the_role_is_seen_too) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t orphan = leave_an_orphan();
    const SpawnedRole role;
    EXPECT_FALSE(only({role.pid()}));
    EXPECT_EQ(supervisor::signal_descendants(getpid(), SIGKILL, std::array{role.pid()}), 1U);
    EXPECT_TRUE(eventually([&] { return only({role.pid()}); }));
    EXPECT_FALSE(alive(orphan));
}

// What is reaped by a pidfd must not be taken away from it, even when it has ended.
TEST(Proof, an_ended_role_is_left_for_its_pidfd) {
    const SpawnedRole role;
    EXPECT_EQ(kill(role.pid(), SIGKILL), 0);
    EXPECT_TRUE(eventually([&] { return !alive(role.pid()); }));
    EXPECT_TRUE(only({role.pid()}));
}

}  // namespace
}  // namespace leasehold::process_test
