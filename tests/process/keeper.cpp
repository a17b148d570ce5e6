// SPDX-License-Identifier: Apache-2.0
#include "tests/process/keeper.h"

#include <cerrno>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "supervisor/backoff.h"
#include "supervisor/cgroup_group.h"
#include "supervisor/process_tree.h"
#include "supervisor/reaper.h"
#include "supervisor/spawn.h"
#include "tests/process/candidate.h"

namespace leasehold::process_test {
namespace {

using supervisor::Containment;
using supervisor::ContainmentChoice;
using supervisor::ContainmentMethod;
using supervisor::Sweep;

ContainmentChoice choice_of(ContainmentMethod method) {
    switch (method) {
        case ContainmentMethod::subreaper: return ContainmentChoice::subreaper;
        case ContainmentMethod::cgroup: return ContainmentChoice::cgroup;
        case ContainmentMethod::pid_namespace: return ContainmentChoice::pid_namespace;
    }
    return ContainmentChoice::automatic;
}

bool reap_all() {
    return supervisor::reap([](const supervisor::Exit&) {});
}

constexpr int kProven = 1;
constexpr int kAllGone = 2;

int empty_it(Containment& containment, const Witness& witness, Emptier by) {
    supervisor::KillRhythm rhythm;
    const bool proven = eventually([&] {
        if (containment.empty(reap_all())) return true;
        const bool gently = by == Emptier::supervisor && rhythm.is_young();
        containment.kill_pass(getpid(), {}, gently ? Sweep::inside_first : Sweep::everywhere);
        rhythm.next();
        return false;
    });
    const int result = (proven ? kProven : 0) | (witness.all_gone() ? kAllGone : 0);
    // Whatever a broken containment has overlooked must not outlive the test.
    eventually([] {
        supervisor::kill_descendants(getpid());
        return reap_all();
    });
    containment.remove();
    return result;
}

}  // namespace

Place::Place(ContainmentMethod method) {
    static int places = 0;
    const std::string unique = std::to_string(getpid()) + '/' + std::to_string(++places);
    auto made = supervisor::plan_containment(choice_of(method), "process-test", unique);
    if (made) {
        plan = *made;
    } else {
        why_not = made.error().message;
    }
}

Place::~Place() {
    if (plan.cgroup.empty()) return;
    EXPECT_TRUE(eventually([this] { return supervisor::remove_cgroups(plan.cgroup) == 0; })) << plan.cgroup;
}

Witness::Witness() {
    std::string name = testing::TempDir() + "/leasehold-witness-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    EXPECT_EQ(chmod(name.c_str(), 0755), 0);
    folder_ = name;
    path_ = folder_ + "/fifo";
    EXPECT_EQ(mkfifo(path_.c_str(), 0666), 0);
    reading_.reset(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

Witness::~Witness() { std::filesystem::remove_all(folder_); }

bool Witness::ready() const {
    return eventually([this] {
        char letter = 0;
        return read(reading_.get(), &letter, 1) == 1;
    });
}

bool Witness::all_gone() const {
    char letters[64];
    ssize_t size = 0;
    while ((size = read(reading_.get(), letters, sizeof letters)) > 0) {  // of a tree with many mouths
    }
    return size == 0;
}

Emptied contain(const Maker& make, const std::vector<std::string>& command, const Witness& witness, Emptier by) {
    const pid_t guardian = fork();
    if (guardian == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        const auto containment = make();
        const pid_t supervisor = fork();
        if (supervisor == 0) {
            prctl(PR_SET_CHILD_SUBREAPER, 1);
            const auto inner = make();
            const supervisor::Executable executable(command, {"PATH=/bin:/usr/bin"});
            const auto spawned = supervisor::spawn(executable, *inner, now() + std::chrono::hours(1));
            if (!spawned || !witness.ready()) _exit(0);
            if (by == Emptier::supervisor) _exit(empty_it(*inner, witness, by));
            kill(getpid(), SIGKILL);
        }
        int status = 0;
        waitpid(supervisor, &status, 0);
        if (WIFEXITED(status)) _exit(by == Emptier::supervisor ? WEXITSTATUS(status) : 0);
        _exit(empty_it(*containment, witness, by));
    }
    int status = 0;
    EXPECT_EQ(waitpid(guardian, &status, 0), guardian);
    EXPECT_TRUE(WIFEXITED(status));
    return {(WEXITSTATUS(status) & kProven) != 0, (WEXITSTATUS(status) & kAllGone) != 0};
}

}  // namespace leasehold::process_test
