// SPDX-License-Identifier: Apache-2.0
//
// What the program's service manager is told, in the protocol of sd_notify(3): datagrams to the socket that
// $NOTIFY_SOCKET names. Only the service's main process speaks (NotifyAccess=main), which is the guardian.
//
// Threads: none, not thread-safe. Never blocks: what a manager does not take at once is lost, and said again with the
// next heartbeat. Without a manager everything is silence.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/time.h"

namespace leasehold::supervisor {

class ServiceManager {
public:
    // Of the environment, from which it is taken away: the workload is no main process, and must not be believed to be.
    static ServiceManager take_from_environment();

    explicit operator bool() const { return static_cast<bool>(socket_); }

    // $WATCHDOG_USEC, when it is meant for this process: without a heartbeat for so long the manager kills it.
    std::optional<Duration> watchdog() const { return watchdog_; }

    // Once is enough for each state: "STOPPING=1".
    void say(std::string_view state) const;

    // The service is up (ready is never taken back), and does this: one line, for people.
    void show(bool ready, std::string status);

    void heartbeat() const;

private:
    UniqueFd socket_;
    std::optional<Duration> watchdog_;
    bool ready_ = false;
    std::string status_;
};

}  // namespace leasehold::supervisor
