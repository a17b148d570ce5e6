// SPDX-License-Identifier: Apache-2.0
#include "app/notify_socket.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>

#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/load.h"
#include "app/unix_address.h"
#include "base/whole_number.h"

namespace leasehold::app {
namespace {

std::string taken(const char* name) {
    const char* value = std::getenv(name);
    std::string text = value == nullptr ? "" : value;
    unsetenv(name);
    return text;
}

UniqueFd connected_to(const std::string& name) {
    const auto address = UnixAddress::of(name);
    if (!address || name.size() < 2 || (name[0] != '/' && name[0] != '@')) {
        complain(fmt::format("$NOTIFY_SOCKET is {}, which is no socket; the service manager is told nothing", name));
        return {};
    }
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket && connect(socket.get(), address->get(), address->size()) == 0) return socket;
    complain(fmt::format("$NOTIFY_SOCKET {} cannot be used: {}; the service manager is told nothing", name,
                         std::generic_category().message(errno)));
    return {};
}

}  // namespace

NotifySocket take_notify_socket() {
    NotifySocket socket;
    const std::string name = taken("NOTIFY_SOCKET");
    const auto period = whole_number<std::int64_t>(taken("WATCHDOG_USEC"));
    const std::string meant = taken("WATCHDOG_PID");
    if (name.empty()) return socket;
    socket.fd = connected_to(name);
    const bool for_us = meant.empty() || whole_number<pid_t>(meant) == getpid();
    if (period && *period > 0 && for_us) socket.watchdog = std::chrono::microseconds(*period);
    return socket;
}

}  // namespace leasehold::app
