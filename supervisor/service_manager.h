// SPDX-License-Identifier: Apache-2.0
//
// What the service manager is told, in the protocol of sd_notify(3): datagrams on a socket that was connected before
// the guardian began (app/notify_socket.h). Only the service's main process speaks (NotifyAccess=main), which is the
// guardian.
//
// Threads: none, not thread-safe. Never blocks: what a manager does not take at once is lost, and said again with the
// next heartbeat. Without a manager everything is silence.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/time.h"

namespace leasehold::supervisor {

class ServiceManager {
public:
    // No socket: nobody listens. With `watchdog` the manager kills us when it hears no heartbeat for so long.
    ServiceManager(UniqueFd socket, Duration watchdog) : socket_(std::move(socket)), watchdog_(watchdog) {}

    // How often it wants a heartbeat: half of the period, as sd_watchdog_enabled(3) advises. Zero: never.
    Duration between_heartbeats() const { return socket_ ? watchdog_ / 2 : Duration(0); }

    // Once is enough for each state: "STOPPING=1".
    void say(std::string_view state) const;

    // The service is up (ready is never taken back), and does this: one line, for people.
    void show(bool ready, std::string status);

    // The configuration is read anew. Nothing is said while the service is not up yet.
    void begin_reload() const;
    void end_reload() const;

    void heartbeat() const;

private:
    UniqueFd socket_;
    Duration watchdog_;
    bool ready_ = false;
    std::string status_;
};

}  // namespace leasehold::supervisor
