// SPDX-License-Identifier: Apache-2.0
//
// One run of a credential plugin: a child process that gets nothing of us but its environment, prints a little and
// ends; or is killed.
//
// The child is the leader of a process group of its own, with default signal dispositions, nothing blocked, /dev/null
// as standard input and no descriptor above standard error. What is left of the group when it ends is killed.
//
// Threads: the loop's, which must be the main thread. Blocking: never, but for at most a second when destroyed while
// the child does not die of SIGKILL. Reaped by its number alone, so nobody else may wait for those of running().
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace leasehold::stores::kubernetes {

struct PluginCall {
    std::vector<std::string> arguments;    // the first is the program: a path, or a name to look for in $PATH
    std::vector<std::string> environment;  // "NAME=value": takes the place of what we have under that name
};

class PluginProcess {
public:
    // What was printed on standard output, if the status was 0. The error completes "<command> ...", and holds the last
    // line of standard error.
    using Done = std::function<void(Result<std::string> printed)>;

    // Fails when it cannot be executed, with errno as the code (ENOENT: there is no such program). Otherwise `done` is
    // called once, from the loop, unless this is destroyed before, which kills the plugin. `done` may destroy this.
    static Result<std::unique_ptr<PluginProcess>> start(EventLoop& loop, const PluginCall& call, Duration limit,
                                                        Done done);
    ~PluginProcess();

    // Those that are not reaped yet, of the whole process; for who reaps all others.
    static const std::vector<pid_t>& running();

private:
    PluginProcess(EventLoop& loop, Duration limit, Done done) : loop_(loop), limit_(limit), done_(std::move(done)) {}

    Result<void> spawn(const PluginCall& call);
    Result<void> watch();
    void read_output();
    void read_errors();
    void on_timer();
    void on_end();
    void stop_because(std::string reason);
    void finish(Result<std::string> outcome);
    void kill_group() const;
    int wait_for_it(siginfo_t& info);
    std::string last_words() const;

    EventLoop& loop_;
    Duration limit_;
    Done done_;
    pid_t pid_ = -1;  // not reaped yet
    UniqueFd process_;
    UniqueFd output_;
    UniqueFd errors_;
    std::unique_ptr<Timer> timer_;
    std::string printed_;
    std::string complaints_;                 // the end of standard error
    std::optional<std::string> stopped_by_;  // why we killed it
};

}  // namespace leasehold::stores::kubernetes
