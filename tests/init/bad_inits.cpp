// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <csignal>
#include <iostream>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/init/roles.h"

namespace leasehold::init_test {
namespace {

pid_t child_of_init = -1;

void hand_on(int signal) { kill(child_of_init, signal); }

[[noreturn]] void execute(const std::vector<std::string>& command) {
    std::vector<char*> argv;
    for (const std::string& part : command) argv.push_back(const_cast<char*>(part.c_str()));
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(errno == ENOENT ? 127 : 126);
}

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int reap_until(pid_t child) {
    for (;;) {
        int status = 0;
        const pid_t ended = waitpid(-1, &status, 0);
        if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

int no_reaper(const std::vector<std::string>& command) {
    child_of_init = fork();
    if (child_of_init == 0) execute(command);
    for (const int signal : {SIGTERM, SIGUSR1}) std::signal(signal, hand_on);
    return wait_for(child_of_init);
}

int deaf(const std::vector<std::string>& command) {
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        execute(command);
    }
    for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGQUIT, SIGRTMIN + 3}) {
        std::signal(signal, SIG_IGN);
    }
    return reap_until(child);
}

int leaky(const std::vector<std::string>& command) {
    std::signal(SIGUSR1, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    const pid_t child = fork();
    if (child == 0) execute(command);
    return reap_until(child);
}

// As an interactive shell runs a job, without its job control.
int session(const std::vector<std::string>& command) {
    std::signal(SIGTTOU, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        tcsetpgrp(STDIN_FILENO, getpid());
        std::signal(SIGTTOU, SIG_DFL);
        execute(command);
    }
    setpgid(job, job);
    const int status = wait_for(job);
    std::cout << "terminal " << (tcgetpgrp(STDIN_FILENO) == job ? "given back" : "kept") << std::endl;
    return status;
}

}  // namespace

int bad_init_main(const std::string& role, const std::vector<std::string>& arguments) {
    if (role == "@no-reaper") return no_reaper(arguments);
    if (role == "@deaf") return deaf(arguments);
    if (role == "@leaky") return leaky(arguments);
    if (role == "@session") return session(arguments);
    if (role == "@bare") execute(arguments);
    return -1;
}

}  // namespace leasehold::init_test
