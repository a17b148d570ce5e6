// SPDX-License-Identifier: Apache-2.0
//
// The parts of launching that only this room (and its tests) need: the launch description's bytes, the arguments of a
// role, and the program's own image, ready to be executed as one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/launch.h"
#include "supervisor/messages.h"
#include "supervisor/shared_page.h"

namespace leasehold::supervisor {

std::string encode(const LaunchSpec& spec);
Result<LaunchSpec> decode_launch_spec(std::string_view bytes);

// The description in a sealed memfd, close-on-exec; and back.
Result<UniqueFd> seal_launch_spec(const LaunchSpec& spec);
Result<LaunchSpec> read_launch_spec(int fd);

// Applies `visit` to each descriptor that there is (not -1) in the description, but for notify_fd: that is the
// guardian's alone from the first.
template <class Spec, class Visit>
void for_each_descriptor(Spec& spec, const Visit& visit) {
    for (auto* const fd : {&spec.config_fd, &spec.control_fd, &spec.notices_fd}) {
        if (*fd >= 0) visit(*fd);
    }
    for (auto& fd : spec.listener_fds) visit(fd);
    for (auto& fd : spec.held_fds) visit(fd);
}

// What a role finds when it begins.
struct Inherited {
    std::vector<std::pair<std::string, int>> named;  // descriptors that stand in its arguments: "--page-fd"
    std::vector<int> held;                           // others
    std::vector<std::string> words;                  // further arguments

    void add(const char* name, int fd) { named.emplace_back(name, fd); }
    std::vector<std::string> arguments() const;
};

// A child that was there before the guardian was one: the first agent, or the first supervisor. Where the workload's
// output is captured it waits to be told by what. It ends by itself when the socket is closed.
struct WaitingRole {
    pid_t pid = -1;
    UniqueFd socket;  // none: it is a role like any other by now, or there is no such child
    Channel channel;  // the guardian's end of the one that a role has
};

// What the guardian finds when it begins.
struct FirstRoles {
    std::unique_ptr<SharedPage> page;  // none: it makes one
    WaitingRole agent = {};
    WaitingRole supervisor = {};
};

// Tells it, without waiting. When that fails it ends by itself, or was none any more.
Result<void> let_go_on(const WaitingRole& role, const Inherited& inherited);

// What a role finds in its arguments. All descriptors named there are made close-on-exec; nobody owns them yet.
struct RoleArguments {
    LaunchSpec spec;
    int spec_fd = -1;
    int page_fd = -1;
    int guardian_fd = -1;
    std::uint64_t agent_number = 1;
    int output_page_fd = -1;
    int output_fd =
        -1;  // the workload's standard output, and error: to write for the supervisor, to read for the helper
    int errors_fd = -1;
    int ended_fd = -1;
};
Result<RoleArguments> parse_role_arguments(const std::vector<std::string>& arguments);

// Where the descriptor that is called so belongs; none: nothing is.
int* place_of(const std::string& name, RoleArguments& arguments);

// The supervisor's life in a process that was not executed for it; signals are taken already.
int first_supervisor_main(RoleArguments arguments);

// The guardian's work, from the description that it was given as.
int run_guardian(RoleArguments arguments, FirstRoles first);
// The same, executed with a description like the other roles.
int guardian_main(const std::vector<std::string>& arguments);

// This very program, to be executed as `role`. Built before a fork, executed after it: execute() only makes
// async-signal-safe calls.
class RoleImage {
public:
    RoleImage(const std::string& role, const std::vector<std::string>& arguments);
    RoleImage(const RoleImage&) = delete;
    RoleImage& operator=(const RoleImage&) = delete;

    // Leaves this descriptor open across the execution (-1 is ignored).
    void inherit(int fd);

    // Returns errno: only when it fails.
    int execute() const;

private:
    std::vector<std::string> texts_;
    std::vector<char*> argv_;
    std::vector<int> inherited_;
};

}  // namespace leasehold::supervisor
