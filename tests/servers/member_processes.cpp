// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/member_processes.h"

#include <chrono>
#include <csignal>

#include <unistd.h>

#include "tests/servers/server_process.h"

namespace leasehold::servers {

MemberProcesses::MemberProcesses(std::string program, int processes)
    : program_(std::move(program)), members_(static_cast<std::size_t>(processes)) {}

void MemberProcesses::start(int number) {
    if (member(number).process) return;
    member(number).process = start_server(command(number), log(number));
    member(number).paused = false;
}

void MemberProcesses::start_all() {
    for (int i = 0; i < processes(); ++i) {
        start(i);
        if (member(i).paused) resume(i);
    }
}

void MemberProcesses::kill(int number) { member(number).process.reset(); }

void MemberProcesses::pause(int number) {
    member(number).process->signal(SIGSTOP);
    member(number).paused = true;
}

void MemberProcesses::resume(int number) {
    member(number).process->signal(SIGCONT);
    member(number).paused = false;
}

bool MemberProcesses::answers(int number) const {
    const Member& member = members_[static_cast<std::size_t>(number)];
    return member.process && !member.paused;
}

std::vector<int> MemberProcesses::client_ports() const {
    std::vector<int> ports;
    for (int i = 0; i < processes(); ++i) ports.push_back(port(i));
    return ports;
}

void MemberProcesses::await_ready() {
    const auto ready = [this] {
        for (int i = 0; i < processes(); ++i) {
            const auto& process = member(i).process;
            if (process && !process->running()) server_failed(program_ + " has ended", log(i));
        }
        if (is_ready()) return true;
        usleep(20'000);
        return false;
    };
    if (!harness::eventually(ready, std::chrono::seconds(60))) {
        server_failed(program_ + " does not become ready", log(processes() - 1));
    }
}

}  // namespace leasehold::servers
