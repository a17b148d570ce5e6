// SPDX-License-Identifier: Apache-2.0
#include "config/store_rules.h"

#include <fmt/core.h>

#include "base/duration_text.h"
#include "config/kubernetes_names.h"
#include "config/text.h"

namespace leasehold::config {
namespace {

// A Lease keeps whole seconds, and the holder must not count on more than stands there.
void check_whole_seconds(const ElectionOptions& election, std::vector<RuleProblem>& problems) {
    using std::chrono::seconds;
    const Duration lease = election.timing.lease_duration;
    const auto below = std::chrono::floor<seconds>(lease);
    if (lease == below) return;
    problems.push_back({"election.lease_duration", fmt::format("is {}; Kubernetes keeps whole seconds: write {}",
                                                               to_text(lease), to_text(below + seconds(1)))});
}

void check_name(const ElectionOptions& election, std::vector<RuleProblem>& problems) {
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
                std::vector<RuleProblem>& problems) {
    if (has_one == has_other) return;
    problems.push_back(
        {section, fmt::format("has {} without {}; both are needed", has_one ? one : other, has_one ? other : one)});
}

void check_etcd(const stores::EtcdOptions& etcd, std::vector<RuleProblem>& problems) {
    const std::string path = "election.store.etcd";
    if (etcd.endpoints.empty()) {
        problems.push_back({path, "has no endpoints; write endpoints: [https://10.0.0.1:2379]"});
    }
    check_pair(path, "cert_file", !etcd.cert_file.empty(), "key_file", !etcd.key_file.empty(), problems);
    check_pair(path, "username", !etcd.username.empty(), "password_file", !etcd.password_file.empty(), problems);
}

bool is_loopback(const std::string& url) {
    const std::string rest = url.substr(url.find("//") + 2);
    const std::string host = rest.substr(0, rest.rfind(':'));
    const bool is_ipv4 = host.find_first_not_of("0123456789.") == std::string::npos;
    return (is_ipv4 && host.starts_with("127.")) || host == "localhost" || host == "[::1]";
}

// Consul takes keys for paths and would send the request elsewhere; 1.21 and newer refuse most other characters.
void check_consul_key(const std::string& prefix, const std::string& name, std::vector<RuleProblem>& problems) {
    static constexpr const char* kKnown = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,_./-";
    const std::string path = "election.store.consul.prefix";
    const char* const kExample = "write it like leasehold/";
    if (prefix.find_first_not_of(kKnown) != std::string::npos) {
        return problems.push_back({path, fmt::format("{} has other characters than letters, digits and , _ . / -, "
                                                     "which Consul 1.21 and newer refuse; {}",
                                                     shown(prefix), kExample)});
    }
    const std::string key = '/' + prefix;
    if (key.find("//") != std::string::npos || key.find("/./") != std::string::npos) {
        return problems.push_back(
            {path, fmt::format("{} has a part that is empty or '.'; {}", shown(prefix), kExample)});
    }
    if ((prefix + name).find("..") == std::string::npos) return;
    const bool in_name = name.find("..") != std::string::npos;
    problems.push_back(
        {in_name ? "election.name" : path,
         fmt::format("the key {} has two dots in a row, which Consul 1.21 and newer refuse", shown(prefix + name))});
}

void check_consul(const ElectionOptions& election, std::vector<RuleProblem>& problems) {
    const stores::ConsulOptions& consul = election.store.consul;
    const std::string path = "election.store.consul";
    check_pair(path, "cert_file", !consul.cert_file.empty(), "key_file", !consul.key_file.empty(), problems);
    if (consul.datacenter.empty() && !is_loopback(consul.address)) {
        problems.push_back({path, fmt::format("has no datacenter, and {} is not on this machine: another agent, or a "
                                              "balancer, may belong to another datacenter, where another lock is "
                                              "kept; write datacenter: dc1 (consul members tells the name)",
                                              shown(consul.address))});
    }
    check_consul_key(consul.prefix, election.name, problems);
}

void check_zookeeper(const stores::ZookeeperOptions& zookeeper, std::vector<RuleProblem>& problems) {
    if (!zookeeper.servers.empty()) return;
    problems.push_back({"election.store.zookeeper", "has no servers; write servers: [10.0.0.1:2181]"});
}

}  // namespace

std::vector<RuleProblem> check(const ElectionOptions& election) {
    std::vector<RuleProblem> problems;
    if (election.store.kind == StoreKind::kubernetes) {
        check_whole_seconds(election, problems);
        check_name(election, problems);
    }
    if (election.store.kind == StoreKind::etcd) check_etcd(election.store.etcd, problems);
    if (election.store.kind == StoreKind::consul) check_consul(election, problems);
    if (election.store.kind == StoreKind::zookeeper) check_zookeeper(election.store.zookeeper, problems);
    return problems;
}

}  // namespace leasehold::config
