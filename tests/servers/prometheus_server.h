// SPDX-License-Identifier: Apache-2.0
//
// A real Prometheus on loopback, and a real Alertmanager, with their data in temporary folders. The programs are
// Debian's, from the cache folder of tests/servers/get-prometheus.
//
// Threads: for the thread that made it; the servers die with that thread. Functions block until what they do is done.
// What cannot be done is thrown as std::runtime_error with the end of the server's log.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/harness/candidate.h"
#include "tests/servers/loopback.h"

namespace leasehold::servers {

// In words; empty if they are there.
std::string prometheus_unavailable();
std::string alertmanager_unavailable();  // which takes the right to a mount namespace besides

struct PromtoolAnswer {
    int status = -1;
    std::string said;
};
PromtoolAnswer promtool(std::vector<std::string> arguments, const std::string& input = {});

// Sends every alert to a URL at once, and again when it is over.
class Alertmanager {
public:
    explicit Alertmanager(const std::string& webhook);
    int port() const { return port_.number(); }

private:
    harness::TempFolder folder_;
    ReservedPort port_;
    std::unique_ptr<harness::Process> process_;
};

class PrometheusServer {
public:
    struct Options {
        std::string job;
        std::string name_space;    // a label of all targets
        std::vector<int> targets;  // ports of this machine
        std::string interval;      // of scrapes and rules: "500ms"
        std::string rules;         // a file
        int alertmanager = 0;      // a port; 0: there is none
    };
    explicit PrometheusServer(const Options& options);

    // The result of an instant query now: a list of series, each with `metric` and `value`. An expression that is
    // refused is an error.
    nlohmann::json query(const std::string& expression) const;
    // Of the only series; nothing if there is none, or more than one.
    std::optional<double> value(const std::string& expression) const;
    // The series that a selector matches now, each as its labels.
    nlohmann::json series(const std::string& selector) const;

    // GET; the field `data` of the answer, whose status is success.
    nlohmann::json get(const std::string& path) const;

private:
    std::string log() const { return folder_.path("prometheus.log"); }

    harness::TempFolder folder_;
    ReservedPort port_;
    std::unique_ptr<harness::Process> process_;
};

}  // namespace leasehold::servers
