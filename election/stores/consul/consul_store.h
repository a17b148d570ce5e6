// SPDX-License-Identifier: Apache-2.0
//
// The register in one entry of Consul's key-value store, as JSON text (record_json.h), by the HTTP API of an agent.
//
//   read     a consistent read of the key: the leader makes sure that it still is one
//   write    a transaction of one compare-and-swap of the entry's ModifyIndex; unlike the answer to a plain
//            PUT ?cas=, its answer tells the new one
//   watch    key_watch.h
//
// Version: the ModifyIndex, which is the number of the write in the log of the whole datacenter and so grows over
// deletion and re-creation; a cluster that was set up anew from a snapshot may use a number again. The tag is a digest
// of the text. Consul does not compare it: whoever reads notices that a version only looks like an earlier one, but a
// write that is under way meanwhile does not. An absence has no number. Consul does not count a write that changes
// nothing; every record of ours differs from the last one.
//
// What an answer proves: a transaction that lists its result, applied; one that lists a comparison that failed,
// conflict; one that lists other errors, or a status of 400, 403 or 429 with words that Consul itself uses, failed.
// Everything else may have been applied: 500 and whatever it says, what is no answer of Consul, no answer at all.
// What makes a read consistent is that it asks for that, ?consistent; its headers cannot prove it, only belie it.
//
// A lock by one of Consul's sessions on the same key does not stand in the way of a compare-and-swap, but taking it
// replaces the record. An empty entry that is locked so is somebody else's, and counts as held.
#pragma once

#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "election/stores/consul/options.h"
#include "election/stores/store.h"

namespace leasehold::stores {

// `name` is the election's. Does not talk to a server yet; fails when a file of the options cannot be used.
Result<std::unique_ptr<Store>> open_consul_store(EventLoop& loop, ConsulOptions options, const std::string& name);

// Names the lock for everyone on this machine who uses the same one.
std::string consul_lock_id(const ConsulOptions& options, const std::string& name);

}  // namespace leasehold::stores
