// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/process/roles.h"

namespace leasehold::process_test {
namespace {

constexpr int kChainLength = 300;
constexpr rlim_t kBombs = 200;
constexpr uid_t kNobodysId = 65534;

int held = -1;

void say_ready() {
    if (write(held, "r", 1) != 1) _exit(97);
}

[[noreturn]] void stay() {
    for (;;) pause();
}

void ignore_signals() {
    for (int signal = 1; signal < SIGRTMAX; ++signal) {
        if (signal != SIGCHLD) std::signal(signal, SIG_IGN);
    }
}

// In a grandchild that has left session and parent.
void as_daemon(const std::function<void()>& then) {
    if (fork() != 0) return;
    setsid();
    if (fork() != 0) _exit(0);
    then();
    stay();
}

void daemon() {
    as_daemon([] {
        ignore_signals();
        say_ready();
    });
}

void deaf() {
    ignore_signals();
    if (fork() == 0) stay();
    say_ready();
}

// Executes something without any environment.
void bare() {
    as_daemon([] {
        char program[] = "/proc/self/exe";
        char name[] = "@idle";
        char* const arguments[] = {program, name, nullptr};
        char* const nothing[] = {nullptr};
        say_ready();
        execve(program, arguments, nothing);
        _exit(98);
    });
}

void relays() {
    as_daemon([] {
        say_ready();
        for (;;) {
            if (fork() > 0) _exit(0);
            setsid();
        }
    });
}

void subreaper() {
    if (fork() != 0) return;
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    ignore_signals();
    daemon();
    daemon();
}

// The first thread is gone; its process looks like a zombie. The child hangs on another thread.
void threads() {
    if (fork() != 0) return;
    std::thread([] {
        if (fork() == 0) stay();
        say_ready();
        stay();
    }).detach();
    pthread_exit(nullptr);
}

void bomb() {
    const rlimit limit{kBombs, kBombs};
    setrlimit(RLIMIT_NPROC, &limit);
    // Root has no such limit.
    if (getuid() == 0 && setuid(kNobodysId) != 0) _exit(98);
    say_ready();
    for (;;) {
        if (fork() < 0) usleep(200);
    }
}

void respawn() {
    for (int level = 0; level < 3; ++level) {
        while (fork() != 0) {
            if (level == 0) say_ready();
            while (wait(nullptr) < 0 && errno == EINTR) {
            }
        }
        ignore_signals();
    }
}

void chain() {
    for (int length = 0; length < kChainLength; ++length) {
        if (fork() != 0) stay();
    }
    say_ready();
}

void with_namespace() {
    if (unshare(CLONE_NEWPID) == 0 && fork() == 0) {
        daemon();
        stay();
    } else {
        daemon();
    }
}

}  // namespace

int shape_main(const std::string& name, const std::vector<std::string>& arguments) {
    held = open(arguments.at(0).c_str(), O_WRONLY);
    if (held < 0) return 96;
    const std::map<std::string, std::function<void()>> shapes = {
        {"@plain", say_ready},
        {"@daemon", daemon},
        {"@deaf", deaf},
        {"@bare", bare},
        {"@relays", relays},
        {"@subreaper", subreaper},
        {"@threads", threads},
        {"@bomb", bomb},
        {"@respawn", respawn},
        {"@chain", chain},
        {"@namespace", with_namespace},
        {"@moved",
         [&] {
             as_daemon([&] {
                 std::ofstream(arguments.at(1)) << getpid() << std::flush;
                 say_ready();
             });
         }},
    };
    const auto shape = shapes.find(name);
    if (shape == shapes.end()) {
        std::cerr << "unknown shape " << name << "\n";
        return 2;
    }
    shape->second();
    stay();
}

}  // namespace leasehold::process_test
