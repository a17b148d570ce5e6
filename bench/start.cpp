// SPDX-License-Identifier: Apache-2.0
//
// Measures what it costs a command to be started by leasehold instead of by tini, or by nobody:
//
//   bench_start [repetitions]
//
// The command is this program, which prints the clock as its first act. Counted is from the fork before the execution
// of leasehold, with a file store that nobody else uses, to that act; the three take turns, so that whatever else
// happens on the machine happens to all.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/board.h"
#include "tests/harness/candidate.h"

extern char** environ;

namespace {

using leasehold::harness::TempFolder;
using Clock = std::chrono::steady_clock;  // the same one for all processes

constexpr const char* kPrintsTheClock = "print-the-clock";
constexpr double kGoalMs = 10;

long long nanoseconds_now() { return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count(); }

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

struct Times {
    double started_ms = 0;  // until the command ran
    double ended_ms = 0;    // until all is over
};

Times measure(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0) fail("pipe2");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);

    const long long begin = nanoseconds_now();
    pid_t process = -1;
    if (posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) fail(arguments[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe[1]);
    std::array<char, 64> text{};
    const ssize_t size = read(pipe[0], text.data(), text.size() - 1);
    int status = 0;
    if (waitpid(process, &status, 0) != process) fail("waitpid");
    const long long end = nanoseconds_now();
    close(pipe[0]);
    if (size <= 0 || status != 0) {
        std::fprintf(stderr, "%s did not start the command\n", arguments[0]);
        std::exit(1);
    }
    return {static_cast<double>(std::atoll(text.data()) - begin) / 1e6, static_cast<double>(end - begin) / 1e6};
}

struct Subject {
    const char* name;
    std::vector<std::string> command;
    std::vector<double> started = {};
    std::vector<double> ended = {};
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void print(const Subject& subject) {
    const auto [least, most] = std::minmax_element(subject.started.begin(), subject.started.end());
    fmt::print("{:<12} started after  median {:7.2f}  min {:7.2f}  max {:7.2f} ms; ended after  median {:7.2f} ms\n",
               subject.name, median(subject.started), *least, *most, median(subject.ended));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == kPrintsTheClock) {
        return std::printf("%lld\n", nanoseconds_now()) > 0 ? 0 : 1;
    }
    const int repetitions = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 100;
    const TempFolder folder;
    const std::string config = folder.path("config.yaml");
    leasehold::harness::write_file(config, fmt::format("election: {{name: bench, store: {{file: {{path: {}}}}}}}\n"
                                                       "http: {{listen: [\"127.0.0.1:0\"]}}\n",
                                                       folder.path("bench.lease")));
    std::array<char, 4096> path{};
    if (readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0) fail("readlink");
    const std::string program = path.data();
    const auto led_by = [&](const std::string& leasehold) {
        return std::vector<std::string>{leasehold, "run", "--config", config, "--", program, kPrintsTheClock};
    };
    std::vector<Subject> subjects = {
        {"nobody", {program, kPrintsTheClock}},
        {"tini", {"tini", "-s", "--", program, kPrintsTheClock}},
        {"leasehold", led_by(leasehold::harness::leasehold_program())},
    };
    // The same program in the form that needs no library of the system, where it was built.
    const std::filesystem::path built = leasehold::harness::leasehold_program();
    const std::string one_file = built.parent_path() / "one-file" / built.filename();
    if (access(one_file.c_str(), X_OK) == 0) subjects.push_back({"one file", led_by(one_file)});
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        for (Subject& subject : subjects) {
            const Times times = measure(subject.command);
            subject.started.push_back(times.started_ms);
            subject.ended.push_back(times.ended_ms);
        }
    }
    for (const Subject& subject : subjects) print(subject);
    for (std::size_t form = 2; form < subjects.size(); ++form) {
        fmt::print("{} costs {:.2f} ms more than tini; the goal is less than {:.0f} ms\n", subjects[form].name,
                   median(subjects[form].started) - median(subjects[1].started), kGoalMs);
    }
    return 0;
}
