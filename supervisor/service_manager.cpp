// SPDX-License-Identifier: Apache-2.0
#include "supervisor/service_manager.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <sys/socket.h>

#include "base/log.h"

namespace leasehold::supervisor {

void ServiceManager::say(std::string_view state) const {
    if (!socket_) return;
    if (send(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL) >= 0) return;
    log::debug("the service manager did not take \"{}\": {}", state, std::generic_category().message(errno));
}

void ServiceManager::show(bool ready, std::string status) {
    std::replace(status.begin(), status.end(), '\n', ' ');
    const bool changed = (ready && !ready_) || status != status_;
    ready_ = ready_ || ready;
    status_ = std::move(status);
    if (changed) say(std::string(ready_ ? "READY=1\n" : "") + "STATUS=" + status_);
}

void ServiceManager::begin_reload() const {
    if (ready_) say("RELOADING=1");
}

void ServiceManager::end_reload() const {
    if (ready_) say("READY=1");
}

void ServiceManager::heartbeat() const {
    if (!socket_) return;
    say(std::string(ready_ ? "READY=1\n" : "") + "WATCHDOG=1" + (status_.empty() ? "" : "\nSTATUS=" + status_));
}

}  // namespace leasehold::supervisor
