// SPDX-License-Identifier: Apache-2.0
//
// One page of memory that the three processes share, so that the guardian can enforce the hard instant without asking
// anyone, and so that a restarted agent finds the running term. Outlives each of the processes but the guardian.
//
// Every field is one lock-free atomic, so a process that dies or is stopped in the middle of an update harms nothing:
// the deadlines only ever grow, and a mix of an older and a newer pair is at worst too early. Each field has one
// writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/term_machine.h"

namespace leasehold::supervisor {

class SharedPage {
public:
    // Creates the page in a memfd (guardian), or maps one that was inherited (supervisor, agent; takes `fd`).
    static Result<std::unique_ptr<SharedPage>> create();
    static Result<std::unique_ptr<SharedPage>> open(int fd);
    ~SharedPage();
    SharedPage(const SharedPage&) = delete;
    SharedPage& operator=(const SharedPage&) = delete;

    int fd() const { return fd_.get(); }

    // Written by the agent, before it sends the grant. The deadlines of a term never move back.
    void publish(const TermGrant& grant);
    void publish_last_version(std::uint64_t version);
    TermGrant grant() const;  // term 0: none was ever granted
    std::uint64_t last_version() const;

    // Written by the agent: terms up to this one are over for the election too, released or lost.
    void end_through(Term term);
    Term ended_through() const;

    // Written by the supervisor: set before anything is started, cleared after the tree was proven empty. The guardian
    // clears it when it has emptied what a dead supervisor left.
    void set_populated(bool populated);
    bool populated() const;

    // The same of the standby command's tree, which has no deadline.
    void set_standby_populated(bool populated);
    bool standby_populated() const;

    // Written by the supervisor, and by the guardian once the supervisor is gone: terms up to this one are closed.
    void close_through(Term term);
    Term closed_through() const;

    // Written by the agent, all the time while its loop turns: the number of turns of a slow timer.
    void beat();
    std::uint64_t beats() const;

    // Written by the guardian: how often the agent was restarted.
    void set_agent_restarts(std::uint64_t count);
    std::uint64_t agent_restarts() const;

    // Written by the guardian: the supervisor that was started last. For what is shown only; it may have ended.
    void set_supervisor_process(pid_t process);
    pid_t supervisor_process() const;  // 0: none was started yet

private:
    struct Layout;
    static Result<std::unique_ptr<SharedPage>> map(UniqueFd fd);
    SharedPage(UniqueFd fd, Layout* layout) : fd_(std::move(fd)), layout_(layout) {}

    UniqueFd fd_;
    Layout* layout_;
};

}  // namespace leasehold::supervisor
