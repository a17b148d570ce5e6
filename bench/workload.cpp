// SPDX-License-Identifier: Apache-2.0
//
// What the inits are given to run; small, so that what is measured is theirs. PAGE is bench/workload_page.h.
//
//   bench_workload clock PAGE              notes that it runs, and ends
//   bench_workload signals PAGE            notes each SIGUSR1, and SIGTERM, with which it ends
//   bench_workload orphans PAGE COUNT      makes so many orphans, kills them all with one call when all are there, and
//                                          notes when the last one has been reaped
//   bench_workload tree PAGE HELD SHAPE    makes 999 processes: 9 children with 110 children each, and waits. HELD is a
//                                          FIFO that all of them hold open for writing. SHAPE: "group" (all are in one
//                                          process group) or "sessions" (5 of the 9 have one of their own with their
//                                          children), and after it "-obeys" or "-ignores", namely SIGTERM
//   bench_workload reaper COMMAND...       no workload: an init that runs the command and does nothing but
//                                          waitpid(2), of all that have ended, every 2 ms
//
// Started once more on the same page it only waits.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/workload_page.h"

namespace {

using leasehold::bench::kMostProcesses;
using leasehold::bench::WorkloadPage;

constexpr unsigned kLongestLife = 180;  // seconds: nothing is left behind, whatever becomes of the benchmark
constexpr int kBranches = 9;
constexpr int kLeaves = 110;
constexpr int kOrphansAtATime = 100;

WorkloadPage* page = nullptr;

std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

[[noreturn]] void wait_for_ever() {
    for (;;) pause();
}

void map_page(const char* path) {
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    void* const mapped =
        fd < 0 ? MAP_FAILED : mmap(nullptr, sizeof(WorkloadPage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) _exit(90);
    page = static_cast<WorkloadPage*>(mapped);
    close(fd);
}

void note_that_it_is_ready() {
    alarm(kLongestLife);
    const std::uint32_t mine = page->taken.fetch_add(1);
    if (mine < kMostProcesses) page->pids[mine] = getpid();
    page->ready.fetch_add(1);
}

void note_signal(int signal) {
    page->signal_ns = now_ns();
    if (signal == SIGTERM) _exit(0);
}

void catch_signal(int signal) {
    struct sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    sigaction(signal, &action, nullptr);
}

[[noreturn]] void be_signalled() {
    catch_signal(SIGUSR1);
    catch_signal(SIGTERM);
    note_that_it_is_ready();
    wait_for_ever();
}

// ---- orphans --------------------------------------------------------------------------------------------------------

int be_orphan(void*) {
    note_that_it_is_ready();
    wait_for_ever();
}

// It shares its parent's memory, so that little is to be done by the kernel when it dies, and much by the init.
pid_t make_orphan() {
    constexpr std::size_t kStack = 32768;
    auto* const stack = static_cast<char*>(
        mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (stack == MAP_FAILED) return -1;
    return clone(be_orphan, stack + kStack, CLONE_VM | SIGCHLD, nullptr);
}

// They are in one process group, that of the first parent. Returns it, or -1.
pid_t make_orphans(int count) {
    pid_t group = 0;
    for (int made = 0; made < count; made += kOrphansAtATime) {
        const pid_t parent = fork();
        if (parent < 0) return -1;
        if (parent == 0) {
            setpgid(0, group);
            for (int i = 0; i < kOrphansAtATime; ++i) {
                if (make_orphan() < 0) _exit(1);
            }
            _exit(0);
        }
        if (group == 0) group = parent;
        int status = 0;
        if (waitpid(parent, &status, 0) != parent || status != 0) return -1;
    }
    return group;
}

int leave_orphans(int count) {
    const pid_t group = make_orphans(count);
    if (group < 0) return 91;
    while (page->ready.load() < static_cast<std::uint32_t>(count)) usleep(1000);
    usleep(200'000);  // whatever the init has to do with its new children is done
    page->released_ns = now_ns();
    if (kill(-group, SIGKILL) != 0) return 92;
    // getpgid(2) knows the dead until they are reaped.
    for (int i = 0; i < count; ++i) {
        while (getpgid(page->pids[static_cast<std::size_t>(i)]) == group) usleep(100);
    }
    page->reaped_ns = now_ns();
    return 0;
}

// ---- a tree ---------------------------------------------------------------------------------------------------------

[[noreturn]] void be_branch(bool of_its_own) {
    if (of_its_own) setsid();
    struct sigaction inherited {};
    sigaction(SIGTERM, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) std::signal(SIGTERM, SIG_DFL);
    for (int i = 0; i < kLeaves; ++i) {
        if (fork() == 0) break;
    }
    note_that_it_is_ready();
    wait_for_ever();
}

[[noreturn]] void be_tree(const char* held, const char* shape) {
    if (open(held, O_WRONLY) < 0) _exit(93);  // and so all who are forked
    const bool sessions = std::strncmp(shape, "sessions", 8) == 0;
    if (std::strstr(shape, "-ignores") != nullptr) {
        std::signal(SIGTERM, SIG_IGN);
    } else {
        catch_signal(SIGTERM);
    }
    for (int i = 0; i < kBranches; ++i) {
        const pid_t branch = fork();
        if (branch < 0) _exit(94);
        if (branch == 0) be_branch(sessions && i % 2 == 0);
    }
    note_that_it_is_ready();
    wait_for_ever();
}

// ---- the least that an init can do ----------------------------------------------------------------------------------

int reap_all(char** command) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t main = fork();
    if (main < 0) return 95;
    if (main == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    for (;;) {
        int status = 0;
        pid_t ended = waitpid(-1, &status, 0);
        while (ended > 0 && ended != main) ended = waitpid(-1, &status, WNOHANG);
        if (ended == main) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended < 0 && errno != EINTR) return 96;
        usleep(2000);  // then many are dead, and the kernel need not look past the living for each of them
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    const auto is = [&](const char* role) { return std::strcmp(argv[1], role) == 0; };
    if (is("reaper")) return reap_all(argv + 2);
    const std::int64_t begun = now_ns();
    map_page(argv[2]);
    if (page->runs.fetch_add(1) != 0) wait_for_ever();
    page->running_ns = begun;
    if (is("signals")) be_signalled();
    if (is("orphans") && argc > 3) return leave_orphans(std::atoi(argv[3]));
    if (is("tree") && argc > 4) be_tree(argv[3], argv[4]);
    return is("clock") ? 0 : 2;
}
