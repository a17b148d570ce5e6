// SPDX-License-Identifier: Apache-2.0
#include "supervisor/capabilities.h"

#include <cerrno>
#include <initializer_list>
#include <string>
#include <system_error>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

namespace leasehold::supervisor {
namespace {

constexpr int kWordBits = 32;  // capset(2) takes two words of each set

constexpr CapabilitySet set_of(std::initializer_list<int> capabilities) {
    CapabilitySet set = 0;
    for (const int capability : capabilities) set |= CapabilitySet{1} << capability;
    return set;
}

// Files and processes of other users.
constexpr CapabilitySet kReaching =
    set_of({CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_KILL, CAP_SYS_PTRACE});
// To become another user, with its output and its limits; to come before others.
constexpr CapabilitySet kStarting =
    set_of({CAP_CHOWN, CAP_SETGID, CAP_SETUID, CAP_SYS_RESOURCE, CAP_SYS_NICE, CAP_IPC_LOCK});

bool may_lay_down(const Capabilities& given) { return (given.effective & set_of({CAP_SYS_PTRACE})) != 0; }

std::string why_kept(int problem) { return std::generic_category().message(problem); }

bool set_capabilities(const Capabilities& wanted) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct words[2] = {};
    for (int i = 0; i < 2; ++i) {
        words[i].effective = static_cast<std::uint32_t>(wanted.effective >> (i * kWordBits));
        words[i].permitted = static_cast<std::uint32_t>(wanted.permitted >> (i * kWordBits));
        words[i].inheritable = static_cast<std::uint32_t>(wanted.inheritable >> (i * kWordBits));
    }
    if (syscall(SYS_capset, &header, words) == 0) return true;
    log::debug("capabilities stay as they are: {}", why_kept(errno));
    return false;
}

// What an execution by root gives back. PR_CAPBSET_READ fails behind the last capability that the kernel has.
void limit_executions_to(CapabilitySet kept) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
        if ((kept & set_of({capability})) != 0 || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        log::debug("capabilities of what the agent executes stay as they are: {} (CAP_SETPCAP)", why_kept(errno));
        return;
    }
}

}  // namespace

Result<Capabilities> read_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct words[2] = {};
    if (syscall(SYS_capget, &header, words) != 0) return system_failure("capget");
    const auto joined = [](std::uint32_t low, std::uint32_t high) { return CapabilitySet{high} << kWordBits | low; };
    return Capabilities{joined(words[0].effective, words[1].effective), joined(words[0].permitted, words[1].permitted),
                        joined(words[0].inheritable, words[1].inheritable)};
}

Capabilities of_supervising(const Capabilities& given, bool pid_namespace) {
    if (!may_lay_down(given)) return given;
    const CapabilitySet kept = kReaching | kStarting | (pid_namespace ? set_of({CAP_SYS_ADMIN}) : 0);
    return {given.effective & kept, given.permitted, given.inheritable};
}

Capabilities of_agent(const Capabilities& given) {
    if (!may_lay_down(given)) return given;
    return {given.effective & kReaching, given.permitted & kReaching, given.inheritable & kReaching};
}

void lay_down_as_supervising(bool pid_namespace) {
    const auto given = read_capabilities();
    if (!given) return log::debug("capabilities stay as they are: {}", given.error().message);
    const Capabilities wanted = of_supervising(*given, pid_namespace);
    if (wanted != *given) set_capabilities(wanted);
}

void lay_down_as_agent() {
    const auto given = read_capabilities();
    if (!given) return log::debug("capabilities stay as they are: {}", given.error().message);
    const Capabilities wanted = of_agent(*given);
    if (wanted == *given) return;
    limit_executions_to(kReaching);
    set_capabilities(wanted);
}

}  // namespace leasehold::supervisor
