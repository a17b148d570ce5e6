// SPDX-License-Identifier: Apache-2.0
//
// Each test changes a process of its own. What is not permitted on the machine is expected to stay as it is.
#include "supervisor/protection.h"

#include <fstream>
#include <functional>
#include <string>

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace leasehold::supervisor {
namespace {

// Runs it in a child. What it returns, which must be between 0 and 255.
int in_child(const std::function<int()>& action) {
    const pid_t pid = fork();
    if (pid == 0) _exit(action());
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int score() {
    int value = -2000;
    std::ifstream("/proc/self/oom_score_adj") >> value;
    return value;
}

void set_score(int value) { std::ofstream("/proc/self/oom_score_adj") << value; }

long locked_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmLck:")) return std::stol(line.substr(6));
    }
    return -1;
}

bool ordinary() { return sched_getscheduler(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == 0; }

bool real_time_is_permitted() {
    return in_child([] {
               sched_param lowest{};
               lowest.sched_priority = 1;
               return sched_setscheduler(0, SCHED_RR, &lowest) == 0 ? 1 : 0;
           }) == 1;
}

void give_up_everything() {
    ASSERT_EQ(setresgid(65534, 65534, 65534), 0);
    ASSERT_EQ(setresuid(65534, 65534, 65534), 0);
}

constexpr int kOk = 0;

// The sanitizers turn mlockall() into nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLockingIsReal = false;
#else
constexpr bool kLockingIsReal = true;
#endif

TEST(Protection, schedules_ahead_of_others_but_not_what_is_started) {
    const bool permitted = real_time_is_permitted();
    EXPECT_EQ(in_child([&] {
                  if (!ordinary()) return kOk;  // whoever runs the tests has chosen
                  protect_supervisor({});
                  const int expected = permitted ? SCHED_RR | SCHED_RESET_ON_FORK : SCHED_OTHER;
                  if (sched_getscheduler(0) != expected) return 1;
                  return in_child([] { return ordinary() ? 0 : 2; });
              }),
              kOk);
}

TEST(Protection, leaves_the_scheduling_alone_that_somebody_has_chosen) {
    EXPECT_EQ(in_child([] {
                  setpriority(PRIO_PROCESS, 0, 3);
                  protect_guardian({});
                  if (sched_getscheduler(0) != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) < 3) return 1;
                  protect_agent({});
                  return getpriority(PRIO_PROCESS, 0) < 3 ? 2 : 0;
              }),
              kOk);
    EXPECT_EQ(in_child([] {
                  sched_param none{};
                  sched_setscheduler(0, SCHED_BATCH, &none);
                  protect_guardian({});
                  return sched_getscheduler(0) == SCHED_BATCH ? 0 : 1;
              }),
              kOk);
}

TEST(Protection, does_nothing_that_is_switched_off) {
    const ProtectionOptions nothing{SchedulingChoice::normal, 1000, MemoryLocking::off};
    EXPECT_EQ(in_child([&] {
                  const int before = score(), nice_before = getpriority(PRIO_PROCESS, 0);
                  const int policy = sched_getscheduler(0);
                  protect_guardian(nothing);
                  protect_supervisor(nothing);
                  protect_agent(nothing);
                  const bool same = sched_getscheduler(0) == policy && getpriority(PRIO_PROCESS, 0) == nice_before;
                  return same && score() == before && locked_kib() == 0 ? 0 : 1;
              }),
              kOk);
}

TEST(Protection, raises_the_agents_share_where_that_is_permitted) {
    const bool permitted = in_child([] { return setpriority(PRIO_PROCESS, 0, -10) == 0 ? 1 : 0; }) == 1;
    EXPECT_EQ(in_child([&] {
                  setsid();
                  if (!ordinary()) return kOk;
                  protect_agent({});
                  if (getpriority(PRIO_PROCESS, 0) != (permitted ? -10 : 0)) return 1;
                  std::ifstream session("/proc/self/autogroup");
                  std::string name, word;
                  int nice_value = permitted ? -10 : 0;  // where there are no such groups
                  session >> name >> word >> nice_value;
                  return nice_value == (permitted ? -10 : 0) ? 0 : 2;
              }),
              kOk);
}

TEST(Protection, lowers_the_score_and_never_raises_it) {
    EXPECT_EQ(in_child([] {
                  set_score(700);
                  if (score() != 700) return 1;
                  protect_guardian({SchedulingChoice::normal, 800, MemoryLocking::off});
                  if (score() != 700) return 2;
                  set_score(650);  // permitted here at all?
                  const int possible = score();
                  set_score(700);
                  protect_guardian({SchedulingChoice::normal, 650, MemoryLocking::off});
                  return score() == possible ? 0 : 3;
              }),
              kOk);
}

TEST(Protection, gives_back_what_leasehold_was_started_with) {
    EXPECT_EQ(in_child([] {
                  set_score(500);
                  prctl(PR_SET_TIMERSLACK, 70'000, 0, 0, 0);
                  const Inheritance started_with = read_inheritance();
                  if (started_with != Inheritance{500, 70'000}) return 1;
                  if (what_to_give_back(started_with).oom_score_adj) return 2;  // nothing has changed
                  protect_guardian({SchedulingChoice::automatic, 400, MemoryLocking::automatic});
                  set_score(900);  // wherever it is now
                  const Inheritance changed = what_to_give_back(started_with);
                  if (changed.oom_score_adj != 500) return 3;
                  return in_child([&] {
                      if (give_back(changed) != 0) return 4;
                      if (read_inheritance() != started_with) return 5;
                      return locked_kib() == 0 && ordinary() ? 0 : 6;
                  });
              }),
              kOk);
}

TEST(Protection, says_that_a_score_could_not_be_given_back) {
    EXPECT_EQ(in_child([] { return give_back({.oom_score_adj = 5000, .timer_slack = 0}); }), EINVAL);
    EXPECT_EQ(in_child([] {
                  const int own = score();
                  rlimit none{};
                  setrlimit(RLIMIT_NOFILE, &none);
                  return give_back({.oom_score_adj = own, .timer_slack = 0});
              }),
              EMFILE);
    for (const int value : {-1000, -7, 0, 10, 1000}) {
        const int problem = in_child([&] {
            const int done = give_back({.oom_score_adj = value, .timer_slack = 0});
            return done == 0 && score() != value ? 255 : done;
        });
        EXPECT_TRUE(problem == 0 || (value < 500 && problem == EACCES)) << value << ": " << problem;
    }
}

TEST(Protection, locks_memory_only_where_nothing_can_fail_because_of_it) {
    constexpr std::size_t kMuch = 64 << 20;
    for (const bool privileged : {true, false}) {
        EXPECT_EQ(in_child([&] {
                      if (!privileged) {
                          const rlimit little{kMuch / 8, kMuch / 8};
                          setrlimit(RLIMIT_MEMLOCK, &little);
                          give_up_everything();
                          if (may_lock_memory()) return 1;
                      }
                      const bool may = may_lock_memory();
                      protect_supervisor({});
                      void* const more =
                          mmap(nullptr, kMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                      if (more == MAP_FAILED) return 2;
                      if (kLockingIsReal && (locked_kib() > 0) != may) return 3;
                      return may == may_lock_memory() ? 0 : 4;
                  }),
                  kOk)
            << privileged;
    }
}

TEST(Protection, no_new_privileges_by_default_unless_root) {
    using Setting = NoNewPrivileges;
    for (const bool root : {true, false}) {
        EXPECT_EQ(in_child([&] {
                      if (!root) give_up_everything();
                      if (!wanted_here(Setting::yes) || wanted_here(Setting::no)) return 1;
                      return wanted_here(Setting::automatic) == (geteuid() != 0) ? 0 : 2;
                  }),
                  kOk);
    }
}

}  // namespace
}  // namespace leasehold::supervisor
