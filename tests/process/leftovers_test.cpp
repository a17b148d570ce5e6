// SPDX-License-Identifier: Apache-2.0
//
// What earlier runs left behind, found by cgroup and by environment; and what must be left alone.
#include "supervisor/leftovers.h"

#include <csignal>
#include <fstream>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "supervisor/cgroup_group.h"
#include "supervisor/process_status.h"
#include "supervisor/process_tree.h"
#include "tests/process/candidate.h"
#include "tests/process/keeper.h"

namespace leasehold::process_test {
namespace {

using supervisor::ContainmentMethod;

class Stranger {
public:
    explicit Stranger(std::vector<std::string> environment, const std::string& procs = "") : pid_(fork()) {
        if (pid_ != 0) {
            EXPECT_TRUE(eventually([this] {
                const std::string environ = "/proc/" + std::to_string(pid_) + "/cmdline";
                std::ifstream file(environ);
                std::string text;
                std::getline(file, text);
                return text.find("@idle") != std::string::npos;
            }));
            return;
        }
        if (!procs.empty()) std::ofstream(procs) << getpid() << std::flush;
        std::vector<char*> variables;
        for (std::string& variable : environment) variables.push_back(variable.data());
        variables.push_back(nullptr);
        char program[] = "/proc/self/exe";
        char role[] = "@idle";
        char* const arguments[] = {program, role, nullptr};
        execve(program, arguments, variables.data());
        _exit(98);
    }
    ~Stranger() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Stranger(const Stranger&) = delete;
    Stranger& operator=(const Stranger&) = delete;
    bool lives() const { return alive(pid_); }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

// In a process that the strangers are not below of. The exit status of `what`.
int elsewhere(const std::function<int()>& what) {
    const pid_t pid = fork();
    if (pid == 0) _exit(what());
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// So many are always looked at ahead of time.
bool few_processes() {
    const auto pids = supervisor::numbers_in("/proc");
    return pids && pids->size() < 200;
}

const std::string mark = "m" + std::to_string(getpid());

TEST(Leftovers, of_another_incarnation_are_killed_and_all_others_spared) {
    std::vector<std::string> large(14, std::string(60'000, 'x'));
    large.push_back("LEASEHOLD_TERM_ID=" + mark + "-old-7");
    const Stranger old({"A=b", "LEASEHOLD_TERM_ID=" + mark + "-old-1"});
    const Stranger behind_much(large);
    const Stranger ours({"LEASEHOLD_TERM_ID=" + mark + "-inc-1"});
    const Stranger of_another_lock({"LEASEHOLD_TERM_ID=" + mark + "0-old-1"});
    const Stranger quoting({"A=LEASEHOLD_TERM_ID=" + mark + "-old-1", "XLEASEHOLD_TERM_ID=" + mark + "-old-1"});
    const Stranger bare({});
    EXPECT_EQ(elsewhere([] { return static_cast<int>(supervisor::kill_leftovers(mark, "inc").alive); }), 2);
    EXPECT_TRUE(eventually([&] { return !old.lives() && !behind_much.lives(); }));
    EXPECT_TRUE(ours.lives() && of_another_lock.lives() && quoting.lives() && bare.lives());
    // Dead ones that nobody has reaped do not count.
    EXPECT_EQ(elsewhere([] { return static_cast<int>(supervisor::kill_leftovers(mark, "inc").alive); }), 0);
}

TEST(Leftovers, below_ourselves_or_with_our_own_value_or_without_a_mark_are_spared) {
    const Stranger below({"LEASEHOLD_TERM_ID=" + mark + "-old-1"});
    EXPECT_EQ(supervisor::kill_leftovers(mark, "inc").alive, 0U);
    EXPECT_EQ(elsewhere([] { return static_cast<int>(supervisor::kill_leftovers("", "inc").alive); }), 0);
    EXPECT_EQ(elsewhere([] {
                  setenv("LEASEHOLD_TERM_ID", (mark + "-old-1").c_str(), 1);
                  return static_cast<int>(supervisor::kill_leftovers(mark, "inc").alive);
              }),
              0);
    EXPECT_TRUE(below.lives());
}

TEST(Leftovers, are_no_threads_of_the_kernel) {
    for (const pid_t pid : supervisor::kernel_threads()) {
        std::ifstream words("/proc/" + std::to_string(pid) + "/cmdline");
        std::string text;
        EXPECT_FALSE(std::getline(words, text)) << pid << ' ' << text;
        EXPECT_NE(pid, getpid());
    }
}

TEST(Leftovers, that_are_only_looked_for_live_on) {
    constexpr std::size_t kAll = 1 << 22;
    const auto nothing_is_left = [](std::size_t most) {
        return elsewhere([most] { return supervisor::nothing_is_left(mark, "inc", most) ? 1 : 0; }) == 1;
    };
    EXPECT_TRUE(nothing_is_left(kAll));
    EXPECT_FALSE(nothing_is_left(1)) << "there are more processes, and they were not looked at";
    const Stranger ours({"LEASEHOLD_TERM_ID=" + mark + "-inc-1"});
    EXPECT_TRUE(nothing_is_left(kAll));
    const Stranger old({"LEASEHOLD_TERM_ID=" + mark + "-old-1"});
    EXPECT_FALSE(nothing_is_left(kAll));
    EXPECT_TRUE(old.lives());
}

TEST(Leftovers, in_the_cgroup_of_the_lock_are_seen_and_live_on) {
    const Place place(ContainmentMethod::cgroup);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const std::string lock = place.plan.cgroup;
    const auto containment = supervisor::make_containment(place.plan, "inc");
    mkdir((lock + "/old").c_str(), 0755);
    EXPECT_TRUE(containment->nothing_is_left() || !few_processes());
    {
        const Stranger old({}, lock + "/old/cgroup.procs");
        EXPECT_FALSE(containment->nothing_is_left());
        containment->tidy_up();
        EXPECT_TRUE(old.lives());
        EXPECT_EQ(access((lock + "/old").c_str(), F_OK), 0);
    }
    EXPECT_TRUE(eventually([&] {
        containment->tidy_up();
        return access((lock + "/old").c_str(), F_OK) != 0;
    }));
    containment->remove();
}

// The search that is made while a write is under way.

void search_ahead(Candidate& candidate, int term = 1) {
    candidate.tell_agent("prepare " + std::to_string(term));
    candidate.tell_agent("ping 1");
    candidate.expect("supervisor PONG 1");  // messages are heard one after the other
}

TEST(SearchAhead, kills_nothing_and_what_it_saw_is_killed_before_the_workload_starts) {
    Candidate candidate;
    candidate.spec.containment.lock_mark = mark;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    const Stranger old({"LEASEHOLD_TERM_ID=" + mark + "-old-1"});
    search_ahead(candidate);
    EXPECT_TRUE(old.lives());
    candidate.lead(1);
    EXPECT_FALSE(old.lives());
}

TEST(SearchAhead, counts_for_the_next_term_alone) {
    Candidate candidate;
    candidate.spec.containment.lock_mark = mark;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    search_ahead(candidate);
    const Stranger old({"LEASEHOLD_TERM_ID=" + mark + "-old-1"});
    candidate.lead(1);
    // Nobody can have started it in between, had there been a write. So nobody looks again.
    EXPECT_TRUE(old.lives() || !few_processes());
    candidate.tell_agent("revoke 1 kill");
    candidate.expect("supervisor EMPTY 1");
    candidate.lead(2);
    EXPECT_FALSE(old.lives());
}

TEST(SearchAhead, of_another_term_does_not_count) {
    Candidate candidate;
    candidate.spec.containment.lock_mark = mark;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    search_ahead(candidate, 1);  // and that write is not applied
    const Stranger old({"LEASEHOLD_TERM_ID=" + mark + "-old-1"});
    candidate.lead(2);
    EXPECT_FALSE(old.lives());
}

TEST(SearchAhead, of_another_agent_does_not_count) {
    Candidate candidate;
    candidate.spec.containment.lock_mark = mark;
    candidate.workload("sleep 1000");
    ASSERT_TRUE(candidate.start());
    search_ahead(candidate);
    const Stranger old({"LEASEHOLD_TERM_ID=" + mark + "-old-1"});
    kill(candidate.agent(), SIGKILL);
    candidate.next_agent();
    candidate.lead(1);
    EXPECT_FALSE(old.lives());
}

TEST(Leftovers, value_that_ends_anywhere_is_read_whole) {
    for (const std::size_t before : {1U, 16'380U, 16'384U - 18U, 16'383U, 40'000U}) {
        const Stranger stranger({std::string(before, 'x'), "LEASEHOLD_TERM_ID=abc-def-1", "Z=1"});
        EXPECT_EQ(supervisor::variable_of(stranger.pid(), "LEASEHOLD_TERM_ID"), "abc-def-1") << before;
    }
}

TEST(Leftovers, in_the_cgroup_of_the_lock_are_killed_even_when_frozen) {
    const Place place(ContainmentMethod::cgroup);
    if (!place.why_not.empty()) GTEST_SKIP() << place.why_not;
    const std::string lock = place.plan.cgroup;
    mkdir(lock.c_str(), 0755);
    for (const char* group : {"/old", "/old/below", "/inc"}) mkdir((lock + group).c_str(), 0755);
    {
        const Stranger old({}, lock + "/old/cgroup.procs");
        const Stranger below({}, lock + "/old/below/cgroup.procs");
        const Stranger ours({}, lock + "/inc/cgroup.procs");
        std::ofstream(lock + "/old/cgroup.freeze") << 1 << std::flush;
        const auto clear = [&] {
            const auto containment = supervisor::make_containment(place.plan, "inc");
            return eventually([&] { return containment->clear_leftovers() == supervisor::Leftovers::none; }) ? 0 : 1;
        };
        EXPECT_EQ(elsewhere(clear), 0);
        EXPECT_FALSE(old.lives() || below.lives());
        EXPECT_TRUE(ours.lives());
        EXPECT_NE(access((lock + "/old").c_str(), F_OK), 0);
    }
}

}  // namespace
}  // namespace leasehold::process_test
