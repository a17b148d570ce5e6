// SPDX-License-Identifier: Apache-2.0
//
// What is the same for every ensemble whose members are processes that this object starts: which of them run, where
// their data and logs are, and the port at which each is reached.
//
// Threads, blocking and errors are as for every Ensemble.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/candidate.h"
#include "tests/servers/ensemble.h"
#include "tests/servers/loopback.h"

namespace leasehold::servers {

class MemberProcesses : public Ensemble {
public:
    MemberProcesses(const MemberProcesses&) = delete;
    MemberProcesses& operator=(const MemberProcesses&) = delete;

    int size() const override { return processes(); }
    void kill(int member) override;
    void start(int member) override;
    void pause(int member) override;
    void resume(int member) override;
    void await_ready() override;
    std::vector<int> client_ports() const override;

    void start_all();  // those that do not run; and resumes those that are paused

    // All of them, also those that are no member and do not vote: these have the last numbers.
    int processes() const { return static_cast<int>(members_.size()); }
    int port(int member) const { return members_[static_cast<std::size_t>(member)].port.number(); }

protected:
    // None runs yet. `program` is what messages call it.
    MemberProcesses(std::string program, int processes);

    bool answers(int member) const;  // it was started, and is not paused
    std::string path(const std::string& name) const { return folder_.path(name); }
    std::string data(int member) const { return path("data-" + std::to_string(member)); }
    std::string log(int member) const { return path(program_ + '-' + std::to_string(member) + ".log"); }
    const harness::TempFolder& folder() const { return folder_; }

private:
    // What a member is started with; writes the files that this names.
    virtual std::vector<std::string> command(int member) = 0;
    virtual bool is_ready() = 0;  // for await_ready(); asked again and again

    struct Member {
        ReservedPort port;
        std::unique_ptr<harness::Process> process;
        bool paused = false;
    };

    Member& member(int number) { return members_[static_cast<std::size_t>(number)]; }

    const std::string program_;
    harness::TempFolder folder_;
    std::vector<Member> members_;
};

}  // namespace leasehold::servers
