// SPDX-License-Identifier: Apache-2.0
//
// What each path answers, from a picture of the participant's state that is taken anew for each request:
//
//   /metrics           Prometheus text format
//   /healthz, /livez   200 while the loops turn and, if leader, the lease was renewed within its duration; else 500
//   /readyz            200 when configured and the store has answered; a standby is ready; else 500
//   /leader, /standby  200 in that role, else 503; for load balancers
//   /status            JSON; the keys are documented in status.h
//   /                  {"name":"<holder>"} as leader-elector answers, empty when not fresh; a page for browsers
//
// Pure but for the metrics registry it reads. Never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "metrics/http_server.h"
#include "metrics/metrics.h"

namespace leasehold::metrics {

// A decision of the election, as /status shows it.
struct JournalEntry {
    double unix_seconds = 0;
    std::string text;
};

// Everything that is to be read at this moment. Times in seconds since the epoch, for people; remaining times in
// seconds.
struct StatusView {
    std::string version;
    std::string identity;
    std::string election;
    std::string store;                 // Store::describe()
    std::string role;                  // standby, leader, stopping, releasing, finished
    bool leading = false;              // may this instance call itself leader now (never past the soft instant)
    bool renewed_within_lease = true;  // if leader: the lease was renewed within its duration
    bool configured = true;
    bool store_answered = false;                       // the store has answered at least once
    std::optional<bool> supervisor_connected = false;  // nothing: a sidecar, which has no supervisor

    std::string holder;         // empty: nobody, or not fresh
    bool holder_fresh = false;  // seen within its own lease duration
    std::uint64_t transitions = 0;
    std::uint64_t term = 0;
    std::uint64_t fencing_token = 0;
    std::optional<double> soft_in_seconds;  // while a term runs
    std::optional<double> hard_in_seconds;
    std::optional<double> free_in_seconds;  // standby: when it may try at the earliest, if nothing changes

    std::string workload_state;  // see the catalogue; empty: a sidecar, which has no workload
    std::int64_t workload_pid = 0;
    std::optional<int> workload_last_exit_code;

    std::vector<std::string> last_errors;  // newest last
    std::vector<JournalEntry> journal;     // newest last
};

// Called for every request, /metrics too, before the metrics are read: what changes by time alone can be set in it.
using StatusSource = std::function<StatusView()>;

// The handler for HttpServer::start(). `metrics` must outlive it.
HttpServer::Handler make_handler(const Metrics& metrics, StatusSource source);

}  // namespace leasehold::metrics
