// SPDX-License-Identifier: Apache-2.0
//
// The register in one znode of ZooKeeper (3.5 or newer), as JSON text (record_json.h), by ZooKeeper's C client. How it
// is kept is told in record_node.h, how its servers are reached in ensemble_client.h.
//
// The watch: the znode is read with a watch on it; when that fires, it is read again with the next one, so no change
// falls between two watches, though of several in a row only the last may be seen. With the connection the watch is
// lost; that is told, and the next connection begins with a read through a quorum.
//
// What an answer proves: a transaction that was carried out, applied; one whose comparison failed, conflict; any other
// error of a server, failed, because a transaction is all or nothing. Everything else may have been applied: no answer
// in time, a connection that is lost.
#pragma once

#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "election/stores/store.h"
#include "election/stores/zookeeper/options.h"

namespace leasehold::stores {

// `name` is the election's. Does not talk to a server yet; fails when the file of the options cannot be used, or
// ZooKeeper's client is not installed.
Result<std::unique_ptr<Store>> open_zookeeper_store(EventLoop& loop, ZookeeperOptions options, const std::string& name);

// Names the lock for everyone on this machine who uses the same one.
std::string zookeeper_lock_id(const ZookeeperOptions& options, const std::string& name);

}  // namespace leasehold::stores
