// SPDX-License-Identifier: Apache-2.0
#include "config/store_rules.h"

#include <fmt/core.h>

#include "base/duration_text.h"
#include "config/kubernetes_names.h"
#include "config/text.h"

namespace leasehold::config {
namespace {

// A Lease keeps whole seconds, and the holder must not count on more than stands there.
void check_whole_seconds(const ElectionOptions& election, std::vector<StoreProblem>& problems) {
    using std::chrono::seconds;
    const Duration lease = election.timing.lease_duration;
    const auto below = std::chrono::floor<seconds>(lease);
    if (lease == below) return;
    problems.push_back({"election.lease_duration", fmt::format("is {}; Kubernetes keeps whole seconds: write {}",
                                                               to_text(lease), to_text(below + seconds(1)))});
}

void check_name(const ElectionOptions& election, std::vector<StoreProblem>& problems) {
    const bool is_named = !election.store.kubernetes.name.empty();
    const std::string& name = is_named ? election.store.kubernetes.name : election.name;
    if (name.empty()) return;
    const std::string problem = problem_of_object_name(name);
    if (problem.empty()) return;
    if (is_named) return problems.push_back({"election.store.kubernetes.name", shown(name) + ' ' + problem});
    problems.push_back({"election.name", shown(name) + ' ' + problem +
                                             "; change it, or name the object with election.store.kubernetes.name"});
}

// Of two keys that go together.
void check_pair(const std::string& section, const char* one, bool has_one, const char* other, bool has_other,
                std::vector<StoreProblem>& problems) {
    if (has_one == has_other) return;
    problems.push_back(
        {section, fmt::format("has {} without {}; both are needed", has_one ? one : other, has_one ? other : one)});
}

void check_etcd(const stores::EtcdOptions& etcd, std::vector<StoreProblem>& problems) {
    const std::string path = "election.store.etcd";
    if (etcd.endpoints.empty()) {
        problems.push_back({path, "has no endpoints; write endpoints: [https://10.0.0.1:2379]"});
    }
    check_pair(path, "cert_file", !etcd.cert_file.empty(), "key_file", !etcd.key_file.empty(), problems);
    check_pair(path, "username", !etcd.username.empty(), "password_file", !etcd.password_file.empty(), problems);
}

void check_consul(const stores::ConsulOptions& consul, std::vector<StoreProblem>& problems) {
    const std::string path = "election.store.consul";
    check_pair(path, "cert_file", !consul.cert_file.empty(), "key_file", !consul.key_file.empty(), problems);
    // Consul takes keys for paths: it would send the request elsewhere.
    const std::string key = '/' + consul.prefix;
    for (const char* odd : {"//", "/./", "/../"}) {
        if (key.find(odd) == std::string::npos) continue;
        problems.push_back({path + ".prefix", shown(consul.prefix) + " has a part that is empty, '.' or '..'; " +
                                                  "write it like leasehold/"});
        return;
    }
}

void check_zookeeper(const stores::ZookeeperOptions& zookeeper, std::vector<StoreProblem>& problems) {
    if (!zookeeper.servers.empty()) return;
    problems.push_back({"election.store.zookeeper", "has no servers; write servers: [10.0.0.1:2181]"});
}

}  // namespace

std::vector<StoreProblem> check(const ElectionOptions& election) {
    std::vector<StoreProblem> problems;
    if (election.store.kind == StoreKind::kubernetes) {
        check_whole_seconds(election, problems);
        check_name(election, problems);
    }
    if (election.store.kind == StoreKind::etcd) check_etcd(election.store.etcd, problems);
    if (election.store.kind == StoreKind::consul) check_consul(election.store.consul, problems);
    if (election.store.kind == StoreKind::zookeeper) check_zookeeper(election.store.zookeeper, problems);
    return problems;
}

}  // namespace leasehold::config
