// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/init/roles.h"

namespace leasehold::init_test {
namespace {

void say(const std::string& line) {
    const std::string text = line + '\n';
    if (write(STDOUT_FILENO, text.data(), text.size()) < 0) _exit(90);
}

// Through /dev/tty, which needs a controlling terminal.
std::string foreground() {
    const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    const bool mine = terminal >= 0 && tcgetpgrp(terminal) == getpgrp();
    close(terminal);
    return std::string(" fg=") + (mine ? '1' : '0');
}

// Blocked and read from a descriptor, but for those of job control, which have their usual effect.
int listen_to_signals() {
    sigset_t set;
    sigfillset(&set);
    for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) sigdelset(&set, signal);
    sigprocmask(SIG_SETMASK, &set, nullptr);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

void obey(const std::string& line) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "exit") {
        int status = 0;
        words >> status;
        _exit(status);
    }
    if (word == "size") {
        winsize size{};
        ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
        say("size=" + std::to_string(size.ws_row) + "x" + std::to_string(size.ws_col));
    }
}

// Returns false at its end.
bool read_orders() {
    std::array<char, 256> buffer{};
    const ssize_t size = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) return true;
    if (size <= 0) return false;
    std::istringstream lines(std::string(buffer.data(), static_cast<std::size_t>(size)));
    for (std::string line; std::getline(lines, line);) obey(line);
    return true;
}

// In the background a look at what is typed for others would stop us.
bool may_read() { return isatty(STDIN_FILENO) == 0 || tcgetpgrp(STDIN_FILENO) == getpgrp(); }

[[noreturn]] void report(const std::string& who, bool deaf) {
    constexpr int kLookAgain = 10;  // milliseconds: nobody says when the terminal becomes ours
    const int signals = listen_to_signals();
    bool orders = true;
    say(who + "up" + foreground());
    for (;;) {
        const bool reading = orders && may_read();
        std::array<pollfd, 2> sources = {pollfd{signals, POLLIN, 0}, pollfd{reading ? STDIN_FILENO : -1, POLLIN, 0}};
        if (poll(sources.data(), sources.size(), orders && !reading ? kLookAgain : -1) < 0) continue;
        if ((sources[0].revents & POLLIN) != 0) {
            signalfd_siginfo info{};
            if (read(signals, &info, sizeof info) != sizeof info) _exit(91);
            const int signal = static_cast<int>(info.ssi_signo);
            if (signal != SIGCHLD) say(who + "got " + name_of_signal(signal) + foreground());
            if (signal == SIGTERM && !deaf) _exit(7);
            if (signal == SIGINT && !deaf) _exit(9);
        } else if (sources[1].revents != 0) {
            orders = read_orders();
        }
    }
}

// Reads in the background as well: then the terminal stops it until it is in the foreground.
int read_a_line() {
    say("up" + foreground());
    std::string line;
    if (!std::getline(std::cin, line)) return 94;
    say("read " + line + foreground());
    return 0;
}

[[noreturn]] void pair() {
    const pid_t child = fork();
    if (child == 0) report("child ", true);
    say("child is " + std::to_string(child));
    report("main ", false);
}

// In our own process group, which is that of all our orphans: other tests have zombies too.
int zombies() {
    int count = 0;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
        std::ifstream file(entry.path() / "stat");
        std::string line;
        std::getline(file, line);
        const std::size_t end = line.rfind(')');
        if (end == std::string::npos) continue;
        std::istringstream fields(line.substr(end + 1));
        char state = '?';
        pid_t parent = -1;
        pid_t group = -1;
        fields >> state >> parent >> group;
        if (state == 'Z' && group == getpgrp()) ++count;
    }
    return count;
}

int leave_orphans(int count) {
    for (int i = 0; i < count; ++i) {
        const pid_t parent = fork();
        if (parent < 0) return 92;
        if (parent == 0) {
            if (fork() == 0) {
                if (getppid() != 1) usleep(100);  // mostly to end after its parent
                _exit(0);
            }
            _exit(0);
        }
        waitpid(parent, nullptr, 0);
    }
    int left = zombies();
    for (int i = 0; i < 2000 && left > 0; ++i) {
        usleep(1000);
        left = zombies();
    }
    say("zombies=" + std::to_string(left));
    return left == 0 ? 0 : 1;
}

int leave_daemon() {
    std::array<int, 2> ready{};
    if (pipe(ready.data()) != 0) return 93;
    const pid_t daemon = fork();
    if (daemon == 0) {
        setsid();
        for (const int fd : {0, 1, 2, ready[0], ready[1]}) close(fd);
        for (;;) pause();
    }
    close(ready[1]);
    char nothing = 0;
    while (read(ready[0], &nothing, 1) < 0 && errno == EINTR) {
    }
    say("daemon=" + std::to_string(daemon));
    return 0;
}

void tell_signals() {
    std::ifstream status("/proc/self/status");
    std::string blocked;
    std::string ignored;
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("SigBlk:")) blocked = line.substr(8);
        if (line.starts_with("SigIgn:")) ignored = line.substr(8);
    }
    const auto hex = [](const std::string& digits) { return std::stoull(digits, nullptr, 16); };
    say("blocked=" + std::to_string(hex(blocked)) + " ignored=" + std::to_string(hex(ignored)));
}

}  // namespace

std::string name_of_signal(int signal) {
    if (signal >= SIGRTMIN) return "RTMIN+" + std::to_string(signal - SIGRTMIN);
    const char* const name = sigabbrev_np(signal);
    return name != nullptr ? name : std::to_string(signal);
}

int workload_main(const std::string& role, const std::vector<std::string>& arguments) {
    if (role == "@report") report("", !arguments.empty() && arguments[0] == "deaf");
    if (role == "@pair") pair();
    if (role == "@orphans") return leave_orphans(std::stoi(arguments.at(0)));
    if (role == "@daemon") return leave_daemon();
    if (role == "@reader") return read_a_line();
    if (role == "@signals") tell_signals();
    return 0;
}

}  // namespace leasehold::init_test
