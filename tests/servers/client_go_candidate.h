// SPDX-License-Identifier: Apache-2.0
//
// A candidate with client-go's own leader election (tests/servers/client_go_candidate/main.go) as a process of a test.
#pragma once

#include <string>
#include <vector>

#include "tests/harness/candidate.h"

namespace leasehold::servers {

struct ClientGoOptions {
    std::string folder;  // where its log goes: <folder>/<identity>.log
    std::string identity;
    std::string kubeconfig;
    std::string namespace_name;
    std::string name;  // of the lock object
    std::string lock = "leases";
    std::string lease_duration = "5s";  // client-go counts on with whole seconds
    std::string renew_deadline = "3500ms";
    std::string retry_period = "700ms";
    bool release_on_cancel = true;
    bool plain = false;                     // the workload outlives a candidate that is killed
    std::vector<std::string> command = {};  // the workload; empty: none
};

class ClientGoCandidate {
public:
    explicit ClientGoCandidate(ClientGoOptions options);

    const std::string& identity() const { return options_.identity; }
    harness::Process& process() { return process_; }
    std::string log() const { return harness::read_file(options_.folder + '/' + options_.identity + ".log"); }

private:
    ClientGoOptions options_;
    harness::Process process_;
};

}  // namespace leasehold::servers
