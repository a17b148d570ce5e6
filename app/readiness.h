// SPDX-License-Identifier: Apache-2.0
//
// workload.ready: whether the workload that was executed can serve, found out once for each start of it: by its own
// word (app/notices.h), over the network (app/prober.h), or by a command of the supervisor's, which tells. And the time
// limit of a start. Without workload.ready it is ready as soon as it was executed.
//
// The limit is counted from the execution, whichever agent counts, on the clock that says less: a machine that was
// suspended has not used it up.
//
// Threads: the loop's. Never blocks. The loop outlives it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/journal.h"
#include "app/notices.h"
#include "app/prober.h"
#include "base/event_loop.h"
#include "supervisor/probe_options.h"

namespace leasehold::app {

class Readiness {
public:
    struct Hooks {
        std::function<void(const Sentence&)> say;
        std::function<void()> ready;  // it has become ready; once for each start
        // It is not ready, and the limit is over. Said again every second: what follows may have to wait.
        std::function<void()> never_ready;
    };

    // `notices`: of open_notice_socket(), when the options want it; otherwise empty.
    static Result<std::unique_ptr<Readiness>> create(EventLoop& loop, const supervisor::ReadyOptions& options,
                                                     UniqueFd notices, Hooks hooks);

    // This process is the workload now. `ready`: an earlier agent has found that out already. Without workload.ready
    // the hook is called from within. For the process that it already is about, nothing happens.
    void begin(pid_t workload, Instant executed_at, bool ready);

    // It is to end: it is not ready any more, but may still say something.
    void stopping();

    // Nothing of it is left.
    void end();

    // What a command has found.
    void probed(const ProbeNews& news);

    bool ready() const { return ready_; }
    const std::string& words() const { return state_.words; }  // for people; empty without workload.ready
    const std::string& status() const { return status_; }      // what the workload says that it does

private:
    Readiness(const supervisor::ReadyOptions& options, Hooks hooks) : options_(options), hooks_(std::move(hooks)) {}
    void heard(const Notice& notice);
    void ignored(const std::string& what);
    void become_ready(const std::string& how);
    void arm_limit();
    void on_limit();

    supervisor::ReadyOptions options_;
    Hooks hooks_;
    std::unique_ptr<Prober> prober_;         // by http or tcp
    std::unique_ptr<NoticeReader> notices_;  // by its own word
    std::unique_ptr<Timer> limit_;
    pid_t workload_ = 0;  // that all this is about; 0: none
    bool waiting_ = false;
    bool ready_ = false;
    bool told_of_the_limit_ = false;
    bool told_of_ignored_ = false;
    bool told_of_main_pid_ = false;
    Instant executed_at_;
    ProbeState state_;
    std::string status_;
};

}  // namespace leasehold::app
