// SPDX-License-Identifier: Apache-2.0
//
// What each path answers, from a picture of the participant's state that is taken anew for each request:
//
//   /metrics           Prometheus text format
//   /healthz, /livez   200 while the loops turn and, if leader, the lease was renewed within its duration; else 500
//   /readyz            200 when configured and the store has answered; a standby is ready; else 500
//   /leader, /standby  200 in that role, else 503; for load balancers. A leader whose workload is not ready yet, as
//                      workload.ready has it, is in neither
//   /status            JSON; the keys are documented in status.h
//   /                  {"name":"<holder>"} as leader-elector answers, empty when not fresh; a page for browsers
//   (page.h)
//
// With a token, /metrics, /status and what the page tells beyond the holder's name are for those who bear it. The
// others stay open: kubelets and load balancers cannot be given one.
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

// The command that runs while this instance does not lead.
struct StandbyView {
    std::string state;  // stopped, running, stopping, backoff
    std::int64_t pid = 0;
    std::optional<int> last_exit_code;
};

struct EndedTerm {
    std::uint64_t term = 0;
    bool released = false;  // or else the lease had to run out
};

// Of the configuration, while leasehold runs.
struct LastReload {
    std::uint64_t number = 0;  // 0: there was none yet
    bool successful = true;
    std::string text;  // what has changed; or why nothing has
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
    std::optional<double> free_in_seconds;            // standby: when it may try at the earliest, if nothing changes
    double role_since_unix_seconds = 0;               // when the role began; 0: none has yet
    std::optional<double> holder_since_unix_seconds;  // as the holder's record says
    std::optional<double> lease_left_seconds;         // of a fresh holder, unless it renews
    std::optional<double> lease_duration_seconds;     // of that lease
    std::optional<EndedTerm> last_end;                // of a term of this instance

    std::optional<LastReload> last_reload;  // nothing: a sidecar, which has no reload

    bool paused = false;                  // nothing is done by itself (`leasehold pause`)
    std::vector<std::string> hindrances;  // why this instance does not contend, in words

    std::string workload_state;  // see the catalogue; empty: a sidecar, which has no workload
    std::string workload_hook;   // of workload.hooks, or "stop" for workload.stop.command, that runs; empty: none
    std::int64_t workload_pid = 0;
    std::optional<int> workload_last_exit_code;
    std::optional<std::vector<std::string>> workload_last_output;  // newest last; nothing: it is not captured
    bool workload_ready = true;                                    // is traffic to be sent to it, if leading
    std::string readiness;               // in plain words; empty: it is ready when it was executed
    std::string workload_status;         // what it says that it does; empty: nothing
    std::string health;                  // the last outcome of the probe, in plain words; empty: there is none
    std::string candidacy;               // the same
    std::optional<StandbyView> standby;  // nothing: there is no such command

    std::vector<std::string> last_errors;  // newest last
    std::vector<JournalEntry> journal;     // newest last
};

// Called for every request, /metrics too, before the metrics are read: what changes by time alone can be set in it.
using StatusSource = std::function<StatusView()>;

// The handler for HttpServer::start(). `metrics` must outlive it.
//
// `token`: what /metrics, /status and the page's details ask for as a bearer token, as it is now; nothing while it
// cannot be read, and then nobody gets them. Without such a function they are open to everybody. Never printed.
using TokenSource = std::function<std::optional<std::string>()>;
HttpServer::Handler make_handler(const Metrics& metrics, StatusSource source, TokenSource token = {});

}  // namespace leasehold::metrics
