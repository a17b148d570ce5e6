// SPDX-License-Identifier: Apache-2.0
//
// The guardian's part in capturing the workload's output (workload.output): two pipes, the page of what is to be seen
// of it, and the helper, a process that empties the pipes (output/collector.h). It holds no deadline and nothing waits
// for it.
//
// The guardian keeps both ends of the pipes, made once: when the helper dies, what is in them stays for the next one,
// and the workload, whose standard streams they are, gets no SIGPIPE. The helper is no part of the workload's tree.
//
// Threads: the guardian's only. Nothing blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "supervisor/backoff.h"
#include "supervisor/launch_internal.h"
#include "supervisor/output_page.h"
#include "supervisor/role_process.h"

namespace leasehold::supervisor {

class OutputHelper {
public:
    // Nothing is started yet. `loop` and `spec_fd` must outlive it.
    static Result<std::unique_ptr<OutputHelper>> create(EventLoop& loop, const LaunchSpec& spec,
                                                        const UniqueFd& spec_fd);

    // From now on there is a helper, a new one whenever one has ended.
    void start();

    // No helper until the next start(): it would stand in the way of a proof. It is dead when pid() says so.
    void stand_aside();

    // For the helper: what has been written since it last asked is complete, with a newline at its end or without.
    // The supervisor says so itself, by the same descriptor, while it lives.
    void tree_has_ended() const;

    // Nothing of the workload is left: the helper writes what is still in the pipes, and ends. Then, or when `patience`
    // is over, `done` is called, once. May be called again, with less patience.
    void finish(Duration patience, std::function<void()> done);

    pid_t pid() const { return process_.pid; }  // -1: there is none

    Inherited for_supervisor() const;
    Inherited for_agent() const;
    int page_fd() const { return page_->fd(); }

private:
    OutputHelper(EventLoop& loop, const UniqueFd& spec_fd) : loop_(loop), spec_fd_(spec_fd) {}
    Result<void> prepare(const LaunchSpec& spec);
    Result<void> execute();
    void ended();
    void lose_patience();
    void kill_it() const;

    struct Pipe {
        UniqueFd read, write;
    };
    static Result<Pipe> make_pipe(const ProcessAttributes& attributes);

    EventLoop& loop_;
    const UniqueFd& spec_fd_;  // the guardian's, which a reload replaces
    std::unique_ptr<OutputPage> page_;
    Pipe output_;
    Pipe errors_;
    Pipe guardian_lives_;  // the helper sees its end
    UniqueFd tree_ended_;  // an eventfd
    RoleProcess process_;
    Instant started_at_;
    Backoff backoff_;
    std::unique_ptr<Timer> restart_;
    std::unique_ptr<Timer> patience_;
    bool aside_ = false;
    std::function<void()> done_;  // finishing
};

}  // namespace leasehold::supervisor
