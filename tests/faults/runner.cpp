// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/runner.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <map>

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faults/outcome_json.h"

namespace leasehold::faults {
namespace {

using harness::monotonic_now;
using std::chrono::nanoseconds;

constexpr nanoseconds kLongestTrial = std::chrono::minutes(5);

volatile std::sig_atomic_t interrupted = 0;
void on_interrupt(int) { interrupted = 1; }

struct Task {
    Cell* cell = nullptr;
    int repetition = 0;
};

struct Running {
    Task task;
    nanoseconds since{};
    std::string report;  // path of the file
};

class Runner {
public:
    Runner(int jobs, const std::function<void()>& changed) : jobs_(jobs), changed_(changed) {}

    bool run(const std::vector<Task>& tasks, bool alone) {
        const std::size_t most = alone ? 1 : static_cast<std::size_t>(jobs_);
        for (const Task& task : tasks) {
            while (running_.size() >= most && interrupted == 0) gather();
            if (interrupted != 0) break;
            start(task);
        }
        while (!running_.empty() && interrupted == 0) gather();
        if (interrupted != 0) kill_all();
        return interrupted == 0;
    }

private:
    void start(const Task& task) {
        const std::string report = folder_.path(std::to_string(++started_));
        std::fflush(nullptr);
        const pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_CHILD_SUBREAPER, 1);
            std::signal(SIGINT, SIG_IGN);  // the runner ends everything
            std::signal(SIGTERM, SIG_DFL);
            const Outcome outcome = play(*task.cell->row, *task.cell->store, task.cell->containment, task.repetition);
            harness::write_file(report, to_json(outcome).dump());
            std::fflush(nullptr);
            _exit(0);
        }
        running_[pid] = {task, monotonic_now(), report};
    }

    // Waits a moment for a trial to end.
    void gather() {
        int status = 0;
        const pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended <= 0) {
            end_overdue();
            usleep(2000);
            return;
        }
        const auto found = running_.find(ended);
        if (found == running_.end()) return;  // an orphan of a trial that was killed
        const Running done = found->second;
        running_.erase(found);
        Outcome outcome;
        if (auto read = outcome_from_json(harness::read_file(done.report))) {
            outcome = std::move(*read);
        } else {
            outcome.problem = fmt::format("the trial itself ended with wait status {}", status);
        }
        unlink(done.report.c_str());
        done.task.cell->outcomes.push_back(std::move(outcome));
        if (done.task.cell->complete()) changed_();
    }

    void end_overdue() {
        for (const auto& [pid, trial] : running_) {
            if (monotonic_now() - trial.since > kLongestTrial) end(pid);
        }
    }

    static void end(pid_t trial) {
        const std::vector<pid_t> below = harness::descendants_of(trial);
        kill(trial, SIGKILL);
        for (const pid_t process : below) kill(process, SIGKILL);
    }

    // What a killed trial had below it falls to this process.
    void kill_all() {
        harness::eventually([] {
            for (const pid_t process : harness::descendants_of(getpid())) kill(process, SIGKILL);
            while (waitpid(-1, nullptr, WNOHANG) > 0) {
            }
            return waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
        });
        running_.clear();
    }

    int jobs_;
    const std::function<void()>& changed_;
    harness::TempFolder folder_;
    std::map<pid_t, Running> running_;
    int started_ = 0;
};

}  // namespace

bool run(std::vector<Cell>& cells, int jobs, const std::function<void()>& changed) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, on_interrupt);
    std::vector<Task> together;
    std::vector<Task> alone;
    for (Cell& cell : cells) {
        for (int i = 0; i < cell.repetitions; ++i) (cell.row->alone ? alone : together).push_back({&cell, i});
    }
    Runner runner(jobs, changed);
    return runner.run(together, false) && runner.run(alone, true);
}

}  // namespace leasehold::faults
