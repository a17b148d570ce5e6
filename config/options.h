// SPDX-License-Identifier: Apache-2.0
//
// The whole configuration, typed. Each room describes its own part; this only puts them together. A value of this type
// that came out of config::load() is valid as a whole (docs: leasehold schema).
#pragma once

#include <optional>
#include <string>

#include "base/log.h"
#include "election/core/timing.h"
#include "election/stores/consul/options.h"
#include "election/stores/etcd/options.h"
#include "election/stores/file_options.h"
#include "election/stores/kubernetes/options.h"
#include "election/stores/zookeeper/options.h"
#include "metrics/options.h"
#include "supervisor/options.h"

namespace leasehold::config {

enum class StoreKind { file, kubernetes, etcd, consul, zookeeper };

struct StoreOptions {
    StoreKind kind = StoreKind::file;  // whose options count; the others' are as if not given
    stores::FileOptions file;
    stores::KubernetesOptions kubernetes;
    stores::EtcdOptions etcd;
    stores::ConsulOptions consul;
    stores::ZookeeperOptions zookeeper;

    friend bool operator==(const StoreOptions&, const StoreOptions&) = default;
};

struct ElectionOptions {
    std::string name;         // the lock's name; has no default
    election::Timing timing;  // lease_duration, renew_deadline, retry_period, clock_drift, kill_allowance
    StoreOptions store;

    friend bool operator==(const ElectionOptions&, const ElectionOptions&) = default;
};

struct ControlOptions {
    std::string socket;  // its path; empty: there is none

    friend bool operator==(const ControlOptions&, const ControlOptions&) = default;
};

struct Options {
    std::string identity;  // empty: <host name>_<unique id>, made at start
    ElectionOptions election;
    supervisor::WorkloadOptions workload;
    supervisor::ProtectionOptions protection;
    metrics::HttpOptions http;
    ControlOptions control;
    log::Options logging;

    friend bool operator==(const Options&, const Options&) = default;
};

}  // namespace leasehold::config
