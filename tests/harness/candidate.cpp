// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/candidate.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

namespace leasehold::harness {

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

TempFolder::TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "leasehold-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
        std::perror(name.c_str());
        std::abort();
    }
    path_ = name;
}

TempFolder::~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

Process::Process(const Options& options) {
    std::vector<char*> argv;
    for (const std::string& argument : options.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    setpgid(0, 0);
    const int in = open("/dev/null", O_RDONLY);
    const int out = open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    for (const std::string& variable : options.environment) putenv(const_cast<char*>(variable.c_str()));
    execvp(argv[0], argv.data());
    std::perror(argv[0]);
    _exit(127);
}

Process::Process(Process&& other) noexcept : pid_(other.pid_), status_(other.status_) {
    other.pid_ = -1;
    other.status_ = 0;
}

Process::~Process() {
    if (pid_ <= 0 || status_) return;
    signal(SIGKILL);
    wait();
}

void Process::signal(int number) const {
    if (!status_) kill(pid_, number);
}

bool Process::running() { return !wait(std::chrono::milliseconds(0)); }

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
    eventually(
        [this] {
            if (status_) return true;
            int status = 0;
            if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            return true;
        },
        limit);
    return status_;
}

std::vector<pid_t> children_of(pid_t parent) {
    std::istringstream list(read_file(fmt::format("/proc/{0}/task/{0}/children", parent)));
    std::vector<pid_t> children;
    for (pid_t child = 0; list >> child;) children.push_back(child);
    return children;
}

std::string name_of(pid_t process) {
    std::string name = read_file(fmt::format("/proc/{}/comm", process));
    while (!name.empty() && name.back() == '\n') name.pop_back();
    return name;
}

bool is_stopped(pid_t process) {
    return read_file("/proc/" + std::to_string(process) + "/stat").find(") T ") != std::string::npos;
}

bool lives(pid_t process) {
    const std::string stat = read_file(fmt::format("/proc/{}/stat", process));
    const auto name_end = stat.rfind(')');
    return name_end != std::string::npos && name_end + 2 < stat.size() && stat[name_end + 2] != 'Z' &&
           stat[name_end + 2] != 'X';
}

std::vector<pid_t> descendants_of(pid_t ancestor) {
    std::vector<pid_t> found = children_of(ancestor);
    for (std::size_t i = 0; i < found.size(); ++i) {  // grows while it is walked
        for (const pid_t child : children_of(found[i])) found.push_back(child);
    }
    return found;
}

Candidate::Candidate(Options options) : options_(std::move(options)), process_(start(options_)) {}

namespace {

// A dollar in the configuration begins a variable.
std::vector<std::string> dollars_doubled(std::vector<std::string> command) {
    for (std::string& part : command) {
        for (std::size_t at = 0; (at = part.find('$', at)) != std::string::npos; at += 2) part.insert(at, 1, '$');
    }
    return command;
}

}  // namespace

Process Candidate::start(const Options& options) {
    const std::string config = options.folder + '/' + options.name + ".yaml";
    const std::string lease = options.lease.empty() ? options.folder + "/test.lease" : options.lease;
    const std::string store = options.store.empty() ? "file: {path: " + lease + '}' : options.store;
    std::string command;
    for (const std::string& part : dollars_doubled(options.command))
        command += fmt::format("{}\"{}\"", command.empty() ? "" : ", ", part);
    write_file(config, fmt::format("identity: {}\nelection:\n  name: {}\n  lease_duration: {}\n  renew_deadline: {}\n"
                                   "  retry_period: {}\n{}  store: {{{}}}\n"
                                   "workload:\n  command: [{}]\n{}http: {{listen: [\"{}\"]}}\n{}",
                                   options.name, options.election, options.timing.lease, options.timing.deadline,
                                   options.timing.retry, options.timing.extra, store, command, options.workload,
                                   options.listen, options.extra));
    std::vector<std::string> arguments = options.launcher;
    arguments.push_back(options.program.empty() ? leasehold_program() : options.program);
    for (const char* argument : {"run", "--config"}) arguments.emplace_back(argument);
    arguments.push_back(config);
    return Process({.arguments = arguments,
                    .output = options.folder + '/' + options.name + ".log",
                    .environment = options.environment});
}

pid_t Candidate::guardian() {
    if (options_.launcher.empty()) return process_.pid();
    pid_t found = 0;
    eventually([&] {
        std::vector<pid_t> all = descendants_of(process_.pid());
        all.push_back(process_.pid());
        for (const pid_t process : all) {
            if (name_of(process) == "lease-guardian") found = process;
        }
        return found != 0 || !process_.running();
    });
    return found;
}

void Candidate::kill_all() {
    const std::vector<pid_t> others = children_of(process_.pid());
    for (const pid_t other : others) kill(other, SIGKILL);
    process_.signal(SIGKILL);
}

pid_t Candidate::role(const std::string& comm) {
    pid_t found = 0;
    eventually([&] {
        for (const pid_t child : children_of(guardian())) {
            if (name_of(child) == comm) found = child;
        }
        return found != 0;
    });
    // Signalling process 0 would hit the test itself.
    if (found == 0) throw std::runtime_error(options_.name + ": there is no " + comm + "\n" + log());
    return found;
}

int Candidate::http_port() {
    int port = 0;
    eventually([&] {
        const std::string text = log();
        const std::string mark = "serving http on 127.0.0.1:";
        if (const auto at = text.rfind(mark); at != std::string::npos)
            port = std::atoi(text.c_str() + at + mark.size());
        return port != 0;
    });
    return port;
}

std::string leasehold_program() { return LEASEHOLD_PROGRAM; }
std::string stamper_program() { return STAMPER_PROGRAM; }

}  // namespace leasehold::harness
