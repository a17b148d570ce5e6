// SPDX-License-Identifier: Apache-2.0
#include "bench/store_servers.h"

#include <stdexcept>

#include <fmt/core.h>

#include "bench/sections.h"

namespace leasehold::bench {
namespace {

using servers::Ensemble;
using servers::KubeApi;

std::unique_ptr<Ensemble> start_ensemble(const std::string& name) {
    for (const auto& kind : servers::ensemble_kinds()) {
        if (kind.name != name) continue;
        if (!kind.unavailable.empty()) throw Unavailable(kind.unavailable);
        return servers::start_warm(kind);
    }
    throw std::runtime_error(name + ": no store that is known here");
}

}  // namespace

std::vector<std::string> StoreServers::names() { return {"consul", "etcd", "zookeeper", "file", "kubernetes"}; }

StoreServers::StoreServers(const std::string& name) : name_(name) {
    if (name == "file") return;
    if (name == "kubernetes") {
        if (!KubeApi::available()) throw Unavailable(KubeApi::unavailable_message());
        cluster_ = std::make_unique<KubeApi>(KubeApi::Options{});
        ports_ = {cluster_->port()};
    } else {
        ensemble_ = start_ensemble(name);
        ports_ = ensemble_->client_ports();
    }
}

std::string StoreServers::title() const {
    if (name_ == "kubernetes") return "Kubernetes Lease";
    if (name_ == "consul") return "Consul";
    return name_ == "zookeeper" ? "ZooKeeper" : name_;
}

StoreServers::Lock StoreServers::new_lock() {
    Lock lock{.election = fmt::format("test-bench-{}", ++locks_), .folder = folder_.path(), .namespace_name = {}};
    if (cluster_) {
        lock.namespace_name = cluster_->create_namespace();
        cluster_->must("POST", "/apis/coordination.k8s.io/v1/namespaces/" + lock.namespace_name + "/leases",
                       {{"metadata", {{"name", lock.election}, {"annotations", {{"leasehold.io/unused", "true"}}}}}});
    }
    return lock;
}

std::string StoreServers::kubeconfig(const Lock& lock, const std::vector<int>& ports) {
    return cluster_->kubeconfig(KubeApi::kAdmin, lock.namespace_name, fmt::format("https://127.0.0.1:{}", ports.at(0)));
}

std::string StoreServers::option(const Lock& lock, const std::vector<int>& ports) {
    if (cluster_) return "kubernetes: {kubeconfig: " + kubeconfig(lock, ports) + '}';
    if (ensemble_) return ensemble_->store_option(ports);
    return fmt::format("file: {{path: {}/{}.lease}}", lock.folder, lock.election);
}

}  // namespace leasehold::bench
