// SPDX-License-Identifier: Apache-2.0
//
// Every containment around every shape of tree, emptied by the supervisor and by the guardian; and controls.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <tuple>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "supervisor/cgroup_group.h"
#include "supervisor/mounts.h"
#include "supervisor/process_status.h"
#include "tests/process/candidate.h"
#include "tests/process/keeper.h"
#include "tests/process/roles.h"

namespace leasehold::process_test {
namespace {

using supervisor::Containment;
using supervisor::ContainmentMethod;
using supervisor::Purpose;
using supervisor::Sweep;

constexpr const char* kSelf = "/proc/self/exe";
constexpr ContainmentMethod kMethods[] = {ContainmentMethod::subreaper, ContainmentMethod::cgroup,
                                          ContainmentMethod::pid_namespace};

class Shapes : public testing::TestWithParam<std::tuple<ContainmentMethod, const char*, Emptier>> {};

TEST_P(Shapes, is_gone_when_it_is_proven_gone) {
    const auto [method, shape, by] = GetParam();
    const Place place(method);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Witness witness;
    const auto make = [&place = place] { return supervisor::make_containment(place.plan, "inc"); };
    const Emptied emptied = contain(make, {kSelf, shape, witness.path()}, witness, by);
    EXPECT_TRUE(emptied.proven);
    EXPECT_TRUE(emptied.all_gone);
    EXPECT_FALSE(!place.plan.cgroup.empty() && std::filesystem::exists(place.plan.cgroup));
}

std::string name_of_case(const testing::TestParamInfo<Shapes::ParamType>& info) {
    const auto [method, shape, by] = info.param;
    return std::string(name_of(method)) + '_' + (shape + 1) +
           (by == Emptier::supervisor ? "_by_supervisor" : "_by_guardian");
}

INSTANTIATE_TEST_SUITE_P(Containments, Shapes,
                         testing::Combine(testing::ValuesIn(kMethods), testing::ValuesIn(kShapes),
                                          testing::Values(Emptier::supervisor, Emptier::guardian)),
                         name_of_case);

// ---- what a standby executes has a group of its own
// --------------------------------------------------------------

TEST(Cgroups, what_a_living_standby_executes_is_no_leftover) {
    const Place place(ContainmentMethod::cgroup);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    auto standby = supervisor::make_containment(place.plan, "standing");
    const auto child = standby->fork_inside(Purpose::standby);
    ASSERT_TRUE(child) << child.error().message;
    if (*child == 0) {
        close_range(3, ~0U, 0);  // as any program that is executed
        for (;;) pause();
    }
    const auto leader = supervisor::make_containment(place.plan, "leading");
    EXPECT_EQ(leader->clear_leftovers(), supervisor::Leftovers::none);
    EXPECT_EQ(waitpid(*child, nullptr, WNOHANG), 0) << "a standby's tree was killed while it lives";
    EXPECT_FALSE(standby->empty(true));
    standby.reset();  // nobody holds it any more
    EXPECT_TRUE(eventually([&] { return leader->clear_leftovers() == supervisor::Leftovers::none; }));
    int status = 0;
    EXPECT_EQ(waitpid(*child, &status, 0), *child);
    EXPECT_TRUE(WIFSIGNALED(status));
    leader->remove();
}

// ---- cgroups that the workload itself makes and moves to
// --------------------------------------------------------------

// A cgroup that is none of leasehold's business.
struct Elsewhere {
    explicit Elsewhere(const Place& place) : path(place.plan.cgroup + "-elsewhere") { mkdir(path.c_str(), 0755); }
    ~Elsewhere() {
        EXPECT_TRUE(eventually([this] { return supervisor::remove_cgroups(path) == 0; }));
    }
    std::string path;
};

TEST(Cgroups, what_moved_itself_out_is_killed_too) {
    const Place place(ContainmentMethod::cgroup);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Elsewhere elsewhere(place);
    for (const Emptier by : {Emptier::supervisor, Emptier::guardian}) {
        const Witness witness;
        const auto make = [&] { return supervisor::make_containment(place.plan, "inc"); };
        const auto emptied =
            contain(make, {kSelf, "@moved", witness.path(), elsewhere.path + "/cgroup.procs"}, witness, by);
        EXPECT_TRUE(emptied.proven && emptied.all_gone);
    }
}

TEST(Cgroups, what_moved_itself_out_is_looked_for_when_the_group_is_seen_empty) {
    const Place place(ContainmentMethod::cgroup);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Elsewhere elsewhere(place);
    for (const Sweep sweep : {Sweep::inside_first, Sweep::everywhere}) {
        const auto containment = supervisor::make_containment(place.plan, "inc");
        const auto child = containment->fork_inside(Purpose::term);
        ASSERT_TRUE(child) << child.error().message;
        if (*child == 0) {
            for (;;) pause();
        }
        std::ofstream(elsewhere.path + "/cgroup.procs") << *child << std::flush;
        containment->kill_pass(getpid(), {}, sweep);
        EXPECT_EQ(supervisor::status_of(*child)->dying, sweep == Sweep::everywhere);
        containment->empty(false);  // sees that nobody is in the group
        containment->kill_pass(getpid(), {}, sweep);
        int status = 0;
        EXPECT_EQ(waitpid(*child, &status, 0), *child);
        EXPECT_TRUE(WIFSIGNALED(status));
        EXPECT_TRUE(containment->empty(true));
        containment->remove();
    }
}

TEST(Cgroups, what_moved_itself_into_a_group_below_is_killed_too) {
    const Place place(ContainmentMethod::cgroup);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Witness witness;
    const std::string below = place.plan.cgroup + "/inc/below";
    const auto make = [&] {
        auto made = supervisor::make_containment(place.plan, "inc");
        mkdir(below.c_str(), 0755);
        return made;
    };
    const auto emptied =
        contain(make, {kSelf, "@moved", witness.path(), below + "/cgroup.procs"}, witness, Emptier::guardian);
    EXPECT_TRUE(emptied.proven && emptied.all_gone);
    EXPECT_FALSE(std::filesystem::exists(place.plan.cgroup));
}

// ---- controls: these tests notice a containment that believes without proof
// -------------------------------------------

// Forwards everything but the one thing that is broken.
class Broken : public Containment {
public:
    explicit Broken(std::unique_ptr<Containment> inner) : inner_(std::move(inner)) {}
    supervisor::Leftovers clear_leftovers() override { return inner_->clear_leftovers(); }
    bool nothing_is_left() override { return inner_->nothing_is_left(); }
    Result<pid_t> fork_inside(Purpose purpose) override { return inner_->fork_inside(purpose); }
    Result<pid_t> fork_beside() override { return inner_->fork_beside(); }
    int enter() const override { return inner_->enter(); }
    void main_has_ended() override { inner_->main_has_ended(); }
    void signal_all(int signal) override { inner_->signal_all(signal); }
    void kill_pass(pid_t, supervisor::Except, Sweep) override {}
    bool empty(bool) const override { return inner_->empty(true); }  // believes that there are no children
    int changes_fd() const override { return inner_->changes_fd(); }
    void remove() override { inner_->remove(); }

private:
    std::unique_ptr<Containment> inner_;
};

TEST(Controls, subreaper_that_does_not_look_at_its_children_is_caught) {
    const Place place(ContainmentMethod::subreaper);
    const Witness witness;
    const auto make = [&] { return std::make_unique<Broken>(supervisor::make_containment(place.plan, "inc")); };
    const auto emptied = contain(make, {kSelf, "@daemon", witness.path()}, witness, Emptier::supervisor);
    EXPECT_TRUE(emptied.proven);
    EXPECT_FALSE(emptied.all_gone);
}

TEST(Controls, cgroup_that_does_not_look_at_its_children_is_caught_when_something_moves_out) {
    const Place place(ContainmentMethod::cgroup);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Elsewhere elsewhere(place);
    const Witness witness;
    struct KillsItsGroup : Broken {
        KillsItsGroup(std::unique_ptr<Containment> inner, std::string path)
            : Broken(std::move(inner)), group(std::move(path)) {}
        void kill_pass(pid_t, supervisor::Except, Sweep) override { group.kill_all(); }
        supervisor::CgroupGroup group;
    };
    const auto make = [&] {
        return std::make_unique<KillsItsGroup>(supervisor::make_containment(place.plan, "inc"),
                                               place.plan.cgroup + "/inc");
    };
    const auto emptied = contain(make, {kSelf, "@moved", witness.path(), elsewhere.path + "/cgroup.procs"}, witness,
                                 Emptier::supervisor);
    EXPECT_TRUE(emptied.proven);
    EXPECT_FALSE(emptied.all_gone);
}

// ---- the whole of leasehold in each ---------------------------------------------------------------------------------

class Whole : public testing::TestWithParam<ContainmentMethod> {};

TEST_P(Whole, leasehold_starts_and_empties_two_terms) {
    const Place place(GetParam());
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Witness witness;
    Candidate candidate;
    candidate.spec.containment = place.plan;
    candidate.spec.workload.command = {kSelf, "@relays", witness.path()};
    ASSERT_TRUE(candidate.start());
    for (const std::string term : {"1", "2"}) {
        candidate.tell_agent("grant " + term + " 600000 900000");
        candidate.expect("supervisor STARTED " + term);
        EXPECT_TRUE(witness.ready());
        candidate.tell_agent("revoke " + term + " kill");
        candidate.expect("supervisor EMPTY " + term + " tree in-time");
        EXPECT_TRUE(witness.all_gone());
    }
}

TEST_P(Whole, leasehold_killed_supervisor_is_emptied_by_the_guardian) {
    const Place place(GetParam());
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Witness witness;
    Candidate candidate;
    candidate.spec.containment = place.plan;
    candidate.spec.workload.command = {kSelf, "@subreaper", witness.path()};
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    EXPECT_TRUE(witness.ready());
    kill(candidate.supervisor(), SIGKILL);
    candidate.expect("guardian EMPTIED 1");
    EXPECT_TRUE(witness.all_gone());
}

TEST_P(Whole, status_of_the_workload_is_kept) {
    const Place place(GetParam());
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    Candidate candidate;
    candidate.spec.containment = place.plan;
    candidate.workload("trap 'exit 9' USR1; echo ready > " + candidate.file("ready") +
                       "; while :; do sleep 0.02; done");
    candidate.spec.workload.stop.signal = SIGUSR1;
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    content_of(candidate.file("ready"));
    EXPECT_EQ(getpgid(workload), workload);
    EXPECT_EQ(parent_of(workload), candidate.supervisor());
    candidate.tell_agent("revoke 1 orderly");
    candidate.expect("supervisor EXITED 1 status=9");
}

// In the same cgroup or namespace as the workload, and no longer there when the term is proven empty.
TEST_P(Whole, health_is_probed_inside) {
    const Place place(GetParam());
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    Candidate candidate;
    candidate.spec.containment = place.plan;
    const auto tell_where_in = [&](const std::string& name) {  // at once, so that nobody reads the half of it
        const std::string file = candidate.file(name);
        return "(readlink /proc/self/ns/pid; cat /proc/self/cgroup) > " + file + ".new; mv " + file + ".new " + file;
    };
    candidate.workload(tell_where_in("workload") + "; exec sleep 1000");
    supervisor::ProbeOptions& health = candidate.spec.workload.health;
    health.given = true;
    health.interval = std::chrono::milliseconds(100);
    health.exec = {"/bin/sh", "-c", tell_where_in("probe") + "; exec setsid sleep 1000 &"};
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    candidate.expect("supervisor HEALTH 1 passed");
    EXPECT_EQ(content_of(candidate.file("probe")), content_of(candidate.file("workload")));
    const pid_t supervisor = candidate.supervisor();
    candidate.tell_agent("revoke 1 orderly");
    candidate.expect("supervisor EMPTY 1 tree in-time");
    EXPECT_TRUE(children_of(supervisor).empty());
}

INSTANTIATE_TEST_SUITE_P(Containments, Whole, testing::ValuesIn(kMethods),
                         [](const auto& method) { return std::string(name_of(method.param)); });

// ---- the PID namespace from inside and outside
// ------------------------------------------------------------------------

TEST(PidNamespaces, has_a_proc_of_its_own_and_shares_all_other_mounts) {
    const Place place(ContainmentMethod::pid_namespace);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    Candidate candidate;
    candidate.spec.containment = place.plan;
    const std::string shared = candidate.file("shared");
    mkdir(shared.c_str(), 0755);
    candidate.before_launch = [&] {
        if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0) _exit(94);
    };
    candidate.workload("mount -t tmpfs none " + shared + "; echo > " + shared +
                       "/inside; echo $$ $(cat /proc/1/comm) > " + candidate.file("seen") + "; exec sleep 1000");
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    EXPECT_EQ(content_of(candidate.file("seen")), "2 lease-init\n");
    const std::string outside = "/proc/" + std::to_string(candidate.guardian()) + "/root";
    EXPECT_TRUE(std::filesystem::exists(outside + shared + "/inside"));
    const auto procs = [](pid_t pid) {
        int count = 0;
        const auto text = supervisor::read_text("/proc/" + std::to_string(pid) + "/mountinfo");
        for (const auto& mount : supervisor::parse_mounts(text)) count += mount.point == "/proc" ? 1 : 0;
        return count;
    };
    EXPECT_EQ(procs(workload), procs(getpid()) + 1);
    EXPECT_EQ(procs(candidate.supervisor()), procs(getpid()));
}

pid_t init_of(const Candidate& candidate) {
    for (const pid_t child : children_of(candidate.supervisor())) {
        if (comm_of(child) == "lease-init") return child;
    }
    return -1;
}

TEST(PidNamespaces, stop_signals_do_not_end_the_init_and_nothing_outlives_it) {
    const Place place(ContainmentMethod::pid_namespace);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Witness witness;
    Candidate candidate;
    candidate.spec.containment = place.plan;
    candidate.spec.workload.command = {kSelf, "@daemon", witness.path()};
    ASSERT_TRUE(candidate.start());
    const pid_t workload = candidate.lead(1);
    EXPECT_TRUE(witness.ready());
    const pid_t init = init_of(candidate);
    ASSERT_GT(init, 0);
    EXPECT_TRUE(std::filesystem::is_empty("/proc/" + std::to_string(init) + "/fd"));
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGRTMIN}) kill(init, signal);
    candidate.tell_agent("ping 1");
    candidate.expect("supervisor PONG 1");
    EXPECT_TRUE(alive(init) && alive(workload));
    kill(init, SIGKILL);
    candidate.expect("supervisor EMPTY 1");
    EXPECT_TRUE(witness.all_gone());
}

// The daemon's parent is the init, and nobody else is left to kill it.
TEST(PidNamespaces, kernel_empties_it_when_all_of_leasehold_is_killed) {
    const Place place(ContainmentMethod::pid_namespace);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const Witness witness;
    Candidate candidate;
    candidate.spec.containment = place.plan;
    candidate.spec.workload.command = {kSelf, "@bare", witness.path()};
    ASSERT_TRUE(candidate.start());
    candidate.lead(1);
    EXPECT_TRUE(witness.ready());
    const pid_t supervisor = candidate.supervisor();
    for (const pid_t pid : {candidate.guardian(), candidate.agent(), supervisor}) kill(pid, SIGKILL);
    EXPECT_TRUE(eventually([&] { return witness.all_gone(); }));
}

TEST(PidNamespaces, init_ends_when_main_has_ended_and_nothing_is_left) {
    const Place place(ContainmentMethod::pid_namespace);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    int ended = -1;
    const pid_t keeper = fork();
    if (keeper == 0) {
        const auto containment = supervisor::make_containment(place.plan, "inc");
        const auto child = containment->fork_inside(Purpose::term);
        if (!child) _exit(2);
        if (*child == 0) _exit(containment->enter());
        int status = 0;
        if (waitpid(*child, &status, 0) != *child || status != 0) _exit(3);
        containment->main_has_ended();
        _exit(waitpid(-1, &status, 0) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 4);
    }
    EXPECT_EQ(waitpid(keeper, &ended, 0), keeper);
    EXPECT_EQ(ended, 0);
}

}  // namespace
}  // namespace leasehold::process_test
