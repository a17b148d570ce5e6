// SPDX-License-Identifier: Apache-2.0
#include "bench/init_subject.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/one_file.h"
#include "tests/harness/board.h"

extern char** environ;

namespace leasehold::bench {
namespace {

using namespace std::chrono_literals;
using harness::monotonic_now;

constexpr const char* kRecord = "bench.lease";

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

bool is_installed(const char* program) {
    for (const char* folder : {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"}) {
        if (access((folder + std::string(program)).c_str(), X_OK) == 0) return true;
    }
    return false;
}

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

std::string leasehold_config(const Init& init, const harness::TempFolder& folder) {
    std::string path = folder.path("leasehold.yaml");
    harness::write_file(path, fmt::format("election: {{name: init-bench, store: {{file: {{path: {}}}}}}}\n"
                                          "workload:\n  containment: {}\n  stop: {{grace_period: {}ms}}\n"
                                          "http: {{listen: [\"127.0.0.1:0\"]}}\n",
                                          folder.path(kRecord), init.containment, kGrace.count()));
    return path;
}

// A folder of services with one service, whose run script becomes the command.
std::string s6_services(const std::vector<std::string>& command, const harness::TempFolder& folder) {
    const std::string service = folder.path("services/command");
    std::filesystem::create_directories(service);
    std::string script = "#!/usr/bin/execlineb -P\n";
    for (const std::string& word : command) script += word + ' ';
    harness::write_file(service + "/run", script + '\n');
    harness::write_file(service + "/timeout-kill", std::to_string(kGrace.count()) + '\n');
    if (chmod((service + "/run").c_str(), 0755) != 0) fail("chmod");
    return folder.path("services");
}

std::vector<std::string> command_line(const Init& init, const std::vector<std::string>& command,
                                      const harness::TempFolder& folder) {
    switch (init.tool) {
        case Tool::none: return command;
        case Tool::reaper: return joined({WORKLOAD_PROGRAM, "reaper"}, command);
        case Tool::tini: return joined({"tini", "-s", "--"}, command);
        case Tool::tini_group: return joined({"tini", "-s", "-g", "--"}, command);
        case Tool::dumb_init: return joined({"dumb-init", "--"}, command);
        case Tool::s6: return {"s6-svscan", s6_services(command, folder)};
        case Tool::leasehold: break;
    }
    const std::string program = init.program.empty() ? harness::leasehold_program() : init.program;
    return joined({program, "run", "--config", leasehold_config(init, folder), "--"}, command);
}

// A candidate with this containment starts its workload here.
bool works(const Init& init) {
    try {
        Run run(init, {.workload = {"signals"}});
        run.wait_for(1);
        run.signal(SIGTERM);
        return run.ended(30s).has_value();
    } catch (const std::runtime_error&) {
        return false;
    }
}

std::vector<Init> others(const std::vector<Init>& wanted) {
    std::vector<Init> found;
    for (const Init& init : wanted) {
        const char* const program = init.tool == Tool::dumb_init ? "dumb-init"
                                    : init.tool == Tool::s6      ? "s6-svscan"
                                                                 : "tini";
        const bool complete = init.tool != Tool::s6 || is_installed("execlineb");
        if (complete && is_installed(program)) found.push_back(init);
    }
    return found;
}

// Ends everything below this process, which is a subreaper.
void end_everything() {
    harness::eventually([] {
        for (const pid_t process : harness::descendants_of(getpid())) kill(process, SIGKILL);
        while (waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        return harness::children_of(getpid()).empty();
    });
}

WorkloadPage* make_page(const std::string& path) {
    const UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file || ftruncate(file.get(), sizeof(WorkloadPage)) != 0) fail(path);
    void* const mapped = mmap(nullptr, sizeof(WorkloadPage), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (mapped == MAP_FAILED) fail(path);
    return static_cast<WorkloadPage*>(mapped);
}

}  // namespace

std::vector<Init> inits_for_commands() {
    std::vector<Init> inits = {{.tool = Tool::leasehold, .name = "leasehold", .containment = "auto"}};
    if (const std::string program = one_file_program(); !program.empty()) {
        inits.push_back({.tool = Tool::leasehold, .name = kOneFile, .containment = "auto", .program = program});
    }
    for (const Init& init :
         others({{.tool = Tool::tini, .name = "tini"},
                 {.tool = Tool::dumb_init, .name = "dumb-init"},
                 {.tool = Tool::s6, .name = "s6", .remark = "s6-svscan, s6-supervise and a run script in execline"}})) {
        inits.push_back(init);
    }
    return inits;
}

std::vector<Init> inits_for_trees() {
    std::vector<Init> inits;
    for (const char* containment : {"cgroup", "subreaper", "namespace"}) {
        const Init init{
            .tool = Tool::leasehold, .name = fmt::format("leasehold, {}", containment), .containment = containment};
        if (works(init)) inits.push_back(init);
    }
    for (const Init& init : others({{.tool = Tool::tini, .name = "tini"},
                                    {.tool = Tool::tini_group, .name = "tini -g"},
                                    {.tool = Tool::dumb_init, .name = "dumb-init"},
                                    {.tool = Tool::s6, .name = "s6"}})) {
        inits.push_back(init);
    }
    return inits;
}

std::chrono::nanoseconds monotonic(std::int64_t nanoseconds) { return std::chrono::nanoseconds(nanoseconds); }

double milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

bool soon(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto begin = monotonic_now();
    while (!condition()) {
        if (monotonic_now() - begin > limit) return false;
        usleep(50);
    }
    return true;
}

Run::Run(const Init& init, const Options& options) {
    const std::string page = folder_.path("page");
    const std::string fifo = folder_.path("held");
    page_ = make_page(page);
    if (mkfifo(fifo.c_str(), 0600) != 0) fail(fifo);
    fifo_ = UniqueFd(open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!fifo_) fail(fifo);
    std::vector<std::string> command = {WORKLOAD_PROGRAM, options.workload.at(0), page};
    for (std::size_t i = 1; i < options.workload.size(); ++i) {
        command.push_back(options.workload[i] == "@" ? fifo : options.workload[i]);
    }
    std::vector<std::string> line = command_line(init, command, folder_);
    if (options.as_pid_1) {
        line = joined({"unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--"}, line);
    }
    spawn(line);
    init_ = started_;
    if (!options.as_pid_1) return;
    const bool found = soon(
        [&] {
            const auto below = harness::children_of(started_);
            if (!below.empty()) init_ = below.front();
            return !below.empty();
        },
        10s);
    if (!found) throw std::runtime_error("unshare made no PID namespace");
}

Run::~Run() {
    end_everything();
    munmap(page_, sizeof(WorkloadPage));
}

void Run::spawn(const std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    const std::string log = folder_.path("log");
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    begun_ = monotonic_now();
    errno = posix_spawnp(&started_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errno != 0) fail(arguments[0]);
    process_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, started_, 0)));
    if (!process_) fail("pidfd_open");
}

void Run::wait_for(std::uint32_t processes) const {
    pollfd state{process_.get(), POLLIN, 0};
    soon([&] { return page_->ready.load() >= processes || poll(&state, 1, 0) > 0; });
    if (page_->ready.load() >= processes) return;
    throw std::runtime_error(fmt::format("{} of {} processes came; the log: {}", page_->ready.load(), processes,
                                         harness::read_file(folder_.path("log"))));
}

std::chrono::nanoseconds Run::signal(int number) const {
    const auto sent = monotonic_now();
    if (kill(init_, number) != 0) fail("kill");
    return sent;
}

std::optional<std::chrono::nanoseconds> Run::ended(std::chrono::milliseconds limit) {
    pollfd state{process_.get(), POLLIN, 0};
    if (ended_ || poll(&state, 1, static_cast<int>(limit.count())) <= 0) return ended_;
    ended_ = monotonic_now();
    waitpid(started_, nullptr, 0);
    return ended_;
}

Run::Ends Run::ends(std::chrono::milliseconds limit) {
    Ends ends;
    const std::string record = folder_.path(kRecord);
    const UniqueFd changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!changes || inotify_add_watch(changes.get(), folder_.path().c_str(), IN_MOVED_TO) < 0) fail("inotify");
    const auto look = [&](std::chrono::nanoseconds at) {
        if (harness::read_file(record).find("\"released\": true") != std::string::npos) ends.released = at;
    };
    look(monotonic_now());  // it may have happened before
    for (auto until = monotonic_now() + limit; !ends.init || !ends.tree;) {
        std::array<pollfd, 3> states = {pollfd{ends.init ? -1 : process_.get(), POLLIN, 0},
                                        pollfd{ends.tree ? -1 : fifo_.get(), 0, 0},
                                        pollfd{ends.released ? -1 : changes.get(), POLLIN, 0}};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - monotonic_now());
        if (left <= 0ms || poll(states.data(), states.size(), static_cast<int>(left.count())) <= 0) break;
        const auto at = monotonic_now();
        if (states[1].revents != 0) ends.tree = at;
        if (states[2].revents != 0) {
            char events[4096];
            if (read(changes.get(), events, sizeof events) < 0) fail("inotify");
            look(at);
        }
        if (states[0].revents == 0) continue;
        ends.init = ended_ = at;
        waitpid(started_, nullptr, 0);
        until = std::min<std::chrono::nanoseconds>(until, at + 500ms);
    }
    return ends;
}

int Run::survivors() const {
    constexpr std::string_view kName = "bench_workload";
    int count = 0;
    for (const pid_t process : harness::descendants_of(getpid())) {
        if (harness::name_of(process) == kName && harness::lives(process)) ++count;
    }
    return count;
}

}  // namespace leasehold::bench
