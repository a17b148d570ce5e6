// SPDX-License-Identifier: Apache-2.0
//
// workload.ready, workload.health and workload.candidacy: what is asked, how often, and how many answers count.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.h"

namespace leasehold::supervisor {

// What follows when the workload is not healthy.
enum class AfterUnhealthy { restart, resign };

struct StatusRange {
    int least = 200;
    int most = 399;

    friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

struct ProbeOptions {
    bool given = false;               // there is such a probe; then exactly one of the next three is set
    std::vector<std::string> exec{};  // a command, executed without a shell; passes with the status 0
    std::string http{};               // a URL; passes with a status in the range
    std::string tcp{};                // HOST:PORT, an address or localhost; passes when it can be connected to
    Duration interval = std::chrono::seconds(5);  // from the beginning of one to that of the next
    Duration timeout = std::chrono::seconds(2);
    Duration initial_delay{};   // ready: after each start; health: after the workload was ready; not of candidacy
    int failure_threshold = 3;  // in a row
    int success_threshold = 1;  // in a row
    StatusRange status{};
    std::map<std::string, std::string> headers{};
    AfterUnhealthy then = AfterUnhealthy::restart;  // health only

    friend bool operator==(const ProbeOptions&, const ProbeOptions&) = default;
};

// When a workload that was executed is ready. Without it: at once.
struct ReadyOptions {
    bool notify = false;  // it says so itself, in the protocol of sd_notify(3); then the probe asks nothing
    // Until it has passed once; a failure has no consequence, however many there are. `given`: the workload is to
    // become ready in one of these ways.
    ProbeOptions probe{.interval = std::chrono::seconds(1)};
    Duration start_timeout{};  // a workload that is not ready by then is stopped; zero: it may take for ever

    friend bool operator==(const ReadyOptions&, const ReadyOptions&) = default;
};

}  // namespace leasehold::supervisor
