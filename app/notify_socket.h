// SPDX-License-Identifier: Apache-2.0
//
// Where a service manager wants to hear of us, by the environment that sd_notify(3) describes.
#pragma once

#include <optional>

#include "base/fd.h"
#include "base/time.h"

namespace leasehold::app {

struct NotifySocket {
    UniqueFd fd;                       // connected, datagrams, non-blocking; empty when nobody wants to hear
    std::optional<Duration> watchdog;  // without a heartbeat for so long the manager kills us
};

// Takes it from the environment, where the workload must not find it: it is not the service's main process. What cannot
// be used is told on standard error, and nobody hears of us.
NotifySocket take_notify_socket();

}  // namespace leasehold::app
