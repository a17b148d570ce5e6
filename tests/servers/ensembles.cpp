// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/consul_cluster.h"
#include "tests/servers/ensemble.h"
#include "tests/servers/etcd_cluster.h"
#include "tests/servers/zookeeper_cluster.h"

namespace leasehold::servers {

std::unique_ptr<Ensemble> start_warm(const EnsembleKind& kind) {
    auto ensemble = kind.start();
    for (int i = 0; i < 1000; ++i) ensemble->put("warm-up", std::to_string(i));
    return ensemble;
}

std::vector<EnsembleKind> ensemble_kinds() {
    return {ensemble_kind<EtcdCluster>(), ensemble_kind<ConsulCluster>(), ensemble_kind<ZookeeperCluster>()};
}

}  // namespace leasehold::servers
