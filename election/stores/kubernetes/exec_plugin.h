// SPDX-License-Identifier: Apache-2.0
//
// A credential plugin over time: its latest credentials, and when to ask it again.
//
// How long credentials last is taken once, as expirationTimestamp minus the wall clock when they came, and counted on
// our own clocks from there, so that setting the wall clock changes nothing. When the timestamp is past already, either
// clock may be wrong: they are used until they are refused.
//
// Threads: the loop's, which must be the main thread. Blocking: never.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/kubernetes/cluster_target.h"
#include "election/stores/kubernetes/exec_credential.h"
#include "election/stores/kubernetes/plugin_process.h"

namespace leasehold::stores::kubernetes {

class ExecPlugin {
public:
    using WallClock = std::function<std::chrono::system_clock::time_point()>;
    using Done = std::function<void(Result<void>)>;

    static Result<std::unique_ptr<ExecPlugin>> create(EventLoop& loop, ExecCommand command, Duration limit,
                                                      WallClock wall_clock);

    const ExecCommand& command() const { return command_; }

    // Nothing before the first run, and when they have expired.
    const ExecCredential* credential() const;

    // Whether they expire soon, so that new ones should be asked for already. Not again for a while after a failure.
    bool is_due() const;

    // Why the last run was in vain, or what is odd about the credentials; empty: nothing.
    const std::string& problem() const { return problem_; }

    // Asks for new credentials; `done`, if any, is called once, from the loop. While a run is under way no other one is
    // started. `info` is the value of KUBERNETES_EXEC_INFO. `done` may destroy this; nobody else is answered then.
    void run(const std::string& info, Done done);

private:
    ExecPlugin(ExecCommand command, Duration limit, WallClock wall_clock)
        : command_(std::move(command)), limit_(limit), wall_clock_(std::move(wall_clock)) {}

    void on_printed(const Result<std::string>& printed);
    void take(ExecCredential credential);
    void answer();
    Error explained(const Error& error) const;

    ExecCommand command_;
    Duration limit_;
    WallClock wall_clock_;
    EventLoop* loop_ = nullptr;
    std::unique_ptr<Timer> answer_timer_;
    std::unique_ptr<PluginProcess> process_;
    std::vector<Done> waiting_;
    Result<void> outcome_;
    bool running_ = false;
    std::shared_ptr<char> alive_ = std::make_shared<char>();  // ends with this object

    std::optional<ExecCredential> credential_;
    std::optional<Instant> expires_;
    std::optional<Instant> ask_again_;
    std::string problem_;
};

}  // namespace leasehold::stores::kubernetes
