// SPDX-License-Identifier: Apache-2.0
//
// One store with real servers of its own, for as long as an object of this lives: three of etcd, of ZooKeeper, of
// Consul with an agent for its clients, an API server with its etcd, or no server at all.
//
// Threads: for the thread that made it; the servers die with that thread. Everything blocks, starting for seconds. What
// cannot be done is thrown as std::runtime_error.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/candidate.h"
#include "tests/servers/ensemble.h"
#include "tests/servers/kube_api.h"

namespace leasehold::bench {

class StoreServers {
public:
    // All stores there are. Consul comes first: what `consul lock` does is a goal for the others.
    static std::vector<std::string> names();

    explicit StoreServers(const std::string& name);

    const std::string& name() const { return name_; }
    std::string title() const;                                // as tables call it: "Kubernetes Lease"
    const std::vector<int>& ports() const { return ports_; }  // of 127.0.0.1, where clients connect to; a file: none
    servers::KubeApi& cluster() { return *cluster_; }         // REQUIRES: the name is kubernetes
    servers::Ensemble& ensemble() { return *ensemble_; }      // REQUIRES: it is etcd, consul or zookeeper

    // A place for a record that no one has used, and for which nobody has to wait where the store allows that.
    struct Lock {
        std::string election;        // its name
        std::string folder;          // a file's
        std::string namespace_name;  // a Lease's
    };
    Lock new_lock();

    // What stands in election.store of a candidate's configuration to get there by these ports, which are ports() or
    // relays in the same order.
    std::string option(const Lock& lock, const std::vector<int>& ports);

    // The path of a new kubeconfig that does the same. REQUIRES: as cluster().
    std::string kubeconfig(const Lock& lock, const std::vector<int>& ports);

private:
    const std::string name_;
    std::unique_ptr<servers::KubeApi> cluster_;
    std::unique_ptr<servers::Ensemble> ensemble_;
    harness::TempFolder folder_;
    std::vector<int> ports_;
    int locks_ = 0;
};

}  // namespace leasehold::bench
