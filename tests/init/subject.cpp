// SPDX-License-Identifier: Apache-2.0
#include "tests/init/subject.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/pid_1.h"

namespace leasehold::init_test {
namespace {

using harness::children_of;
using harness::eventually;

// Written into the configuration, in which a dollar begins a variable, and into a shell's line.
std::string leasehold_config(const std::string& folder, bool to_process, bool rewriting) {
    const std::string path = folder + "/leasehold.yaml";
    harness::write_file(
        path, fmt::format("election:\n  name: init\n  lease_duration: 5s\n  renew_deadline: 3500ms\n"
                          "  retry_period: 700ms\n  store: {{file: {{path: {0}/init.lease}}}}\n"
                          "workload:\n  signals: {{to: {1}, rewrite: {2}}}\n"
                          "http: {{listen: []}}\nlogging: {{level: error}}\n",
                          folder, to_process ? "process" : "group", rewriting ? "{HUP: USR1, USR2: none}" : "{}"));
    return path;
}

// The record is made ahead, so that the first candidate need not wait.
void make_record(const std::string& config, const std::string& folder) {
    harness::Process maker({.arguments = {harness::leasehold_program(), "init", "--config", config},
                            .output = folder + "/init.log",
                            .environment = {}});
    if (maker.wait() != 0) std::fputs(harness::read_file(folder + "/init.log").c_str(), stderr);
}

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

void become_dirty() {
    std::signal(SIGHUP, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
}

void become_clean() {
    for (int signal = 1; signal <= SIGRTMAX; ++signal) std::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const std::vector<std::string>& arguments, const Setting& setting) {
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    become_clean();
    if (setting.dirty) become_dirty();
    execvp(argv[0], argv.data());
    std::perror(argv[0]);
    _exit(99);
}

bool new_namespaces_work() {
    const pid_t child = fork();
    if (child == 0) {
        harness::go_on_as_pid_1();
        _exit(0);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Ends everything below this test. Nothing of it is anybody else's: this process is a subreaper.
void end_everything() {
    eventually([] {
        for (const pid_t child : children_of(getpid())) {
            for (const pid_t grandchild : children_of(child)) kill(grandchild, SIGKILL);
            kill(child, SIGKILL);
        }
        while (waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        return children_of(getpid()).empty();
    });
}

}  // namespace

bool can_be_pid_1() {
    static const bool can = new_namespaces_work();
    return can;
}

const char* name_of(Init init) {
    constexpr std::array kNames = {
        "leasehold", "leasehold_process", "tini", "tini_group", "dumb_init", "dumb_init_single", "bare",
        "shell",     "no_reaper",         "deaf", "leaky"};
    return kNames.at(static_cast<std::size_t>(init));
}

bool is_leasehold(Init init) { return init == Init::leasehold || init == Init::leasehold_process; }

std::vector<std::string> role(const std::string& name, const std::string& argument) {
    std::vector<std::string> arguments = {INIT_TEST_PROGRAM, name};
    if (!argument.empty()) arguments.push_back(argument);
    return arguments;
}

std::vector<std::string> command_line(Init init, const std::vector<std::string>& command, const std::string& folder,
                                      bool rewriting) {
    std::vector<std::string> rewrites;
    if (rewriting) rewrites = {"--rewrite", "1:10", "--rewrite", "12:0"};
    switch (init) {
        case Init::leasehold:
        case Init::leasehold_process: {
            const std::string config = leasehold_config(folder, init == Init::leasehold_process, rewriting);
            make_record(config, folder);
            return joined({harness::leasehold_program(), "run", "--config", config, "--"}, command);
        }
        case Init::tini: return joined({"tini", "-s", "--"}, command);
        case Init::tini_group: return joined({"tini", "-s", "-g", "--"}, command);
        case Init::dumb_init: return joined(joined(joined({"dumb-init"}, rewrites), {"--"}), command);
        case Init::dumb_init_single:
            return joined(joined(joined({"dumb-init", "--single-child"}, rewrites), {"--"}), command);
        case Init::bare: return joined(role("@bare"), command);
        case Init::shell: return joined({"sh", "-c", "\"$@\" & wait", "sh"}, command);
        case Init::no_reaper: return joined(role("@no-reaper"), command);
        case Init::deaf: return joined(role("@deaf"), command);
        case Init::leaky: return joined(role("@leaky"), command);
    }
    return {};
}

std::vector<std::string> interactive_shell() {
    return {"env", "HISTFILE=/dev/null", "PS1=ready> ", "TERM=dumb", "bash", "--norc", "--noprofile", "-i"};
}

Subject::Subject(const std::vector<std::string>& arguments, const Setting& setting) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    int slave = -1;
    int master = -1;
    if (setting.terminal) {
        if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) std::abort();
        fcntl(master, F_SETFD, FD_CLOEXEC);
        input_ = UniqueFd(master);
        output_ = UniqueFd(fcntl(master, F_DUPFD_CLOEXEC, 0));
        in[0] = out[1] = slave;
    } else {
        if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) std::abort();
        input_ = UniqueFd(in[1]);
        output_ = UniqueFd(out[0]);
    }
    std::fflush(nullptr);
    started_ = fork();
    if (started_ == 0) {
        if (setting.pid_1) harness::go_on_as_pid_1();
        setsid();
        if (setting.terminal) ioctl(slave, TIOCSCTTY, 0);
        const int errors = open(folder_.path("errors").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(setting.terminal ? slave : errors, STDERR_FILENO);
        if (slave > STDERR_FILENO) close(slave);
        become(setting.session.empty() ? arguments : joined(role(setting.session), arguments), setting);
    }
    close(in[0]);
    if (out[1] != in[0]) close(out[1]);
    init_ = started_;
    if (!setting.pid_1) return;
    eventually([&] {
        const auto below = children_of(started_);
        if (!below.empty()) init_ = below.front();
        return !below.empty() || ends(std::chrono::milliseconds(0));
    });
}

Subject::~Subject() { end_everything(); }

void Subject::signal(int number) const { kill(init_, number); }

void Subject::type(const std::string& text) const {
    if (write(input_.get(), text.data(), text.size()) < 0) std::perror("typing");
}

void Subject::resize(unsigned short rows, unsigned short columns) const {
    const winsize size{rows, columns, 0, 0};
    ioctl(input_.get(), TIOCSWINSZ, &size);
}

pid_t Subject::foreground() const { return tcgetpgrp(input_.get()); }

void Subject::close_input() { input_.reset(); }

void Subject::hang_up() {
    hear();
    input_.reset();
    output_.reset();
}

void Subject::hear() {
    pollfd source{output_.get(), POLLIN, 0};
    std::array<char, 4096> buffer{};
    while (output_ && poll(&source, 1, 0) > 0) {
        const ssize_t size = read(output_.get(), buffer.data(), buffer.size());
        if (size <= 0) return;
        heard_.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

const std::string& Subject::heard() {
    hear();
    return heard_;
}

bool Subject::says(const std::string& text, std::chrono::milliseconds limit) {
    const bool said = eventually([&] { return heard().find(text) != std::string::npos; }, limit);
    if (said) heard_.erase(0, heard_.find(text) + text.size());
    return said;
}

std::optional<int> Subject::ends(std::chrono::milliseconds limit) {
    eventually(
        [this] {
            hear();  // a writer must not wait for us
            int status = 0;
            if (status_ || waitpid(started_, &status, WNOHANG) != started_) return status_.has_value();
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            return true;
        },
        limit);
    hear();
    return status_;
}

std::string Subject::errors() const { return harness::read_file(folder_.path("errors")); }

}  // namespace leasehold::init_test
