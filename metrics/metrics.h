// SPDX-License-Identifier: Apache-2.0
//
// Every metric of the program, by name, in one catalogue (metrics/catalogue.h). All series stand at zero from the
// start. A reason, operation or code that the catalogue does not list counts as "other"; a state or method that it does
// not list leaves every series of its metric at zero.
//
// Threads: the event loop's only. Never blocks.
#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "base/time.h"

namespace leasehold::metrics {

struct MetricLabels {
    std::string election;  // leader_election_master_status{name}
    std::string version;
    std::string revision;
};

class Metrics {
public:
    explicit Metrics(const MetricLabels& labels);
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    // Prometheus text format 0.0.4. The same state gives the same order of lines. The process_* metrics are those of
    // the calling process at this moment.
    std::string text() const;

    // Election.
    void set_timing(Duration lease_duration, Duration renew_deadline);
    void set_leading(bool leading);
    void set_paused(bool paused);
    void set_contending(bool contending);  // nothing keeps it from that
    void acquired();
    void lost(const std::string& reason);  // "deadline", "other_holder", "requested", "workload_ended", ...
    void set_transitions(double transitions);
    void renewed(Duration took, double sent_unix_seconds, double expires_unix_seconds);
    void renew_failed(const std::string& reason);  // "conflict", or as in WriteOutcome::reason

    // Operations: "read", "write". Codes: "ok", "conflict", or as in ReadOutcome::reason.
    void store_request(const std::string& operation, const std::string& code, Duration took);

    // Workload.
    void set_workload_state(const std::string& state);  // one of the catalogue
    void workload_started(double unix_seconds);
    void workload_exited(const std::string& reason, int exit_code);  // reason: "code" or "signal"
    void workload_killed();                                          // a stop had to be escalated to SIGKILL
    void workload_stopped(Duration took);                            // stop signal to proven empty
    void hook_failed(const std::string& hook);                       // one of the catalogue
    // As captured since the start of the guardian; none of these falls. Stream: "stdout" or "stderr".
    void set_workload_output(const std::string& stream, double lines, double bytes, double dropped_lines);
    void fence_margin(Duration left);  // lease time left when the tree was proven empty; negative counts as an overrun

    // Program.
    void set_agent_restarts(double count);  // since the start of the guardian; never falls
    void set_last_reload(bool successful);
    // Which process has this role, one of the catalogue; what it uses is read with every text(). 0: there is none.
    void set_process(const std::string& role, pid_t process);
    void set_containment(const std::string& method);  // one of the catalogue

private:
    struct Series;
    std::unique_ptr<Series> series_;
};

}  // namespace leasehold::metrics
