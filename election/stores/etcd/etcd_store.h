// SPDX-License-Identifier: Apache-2.0
//
// The register in one key of etcd (v3), as JSON text (record_json.h), over the server's JSON gateway.
//
//   read     a range of one key, linearizable as it is by default
//   write    a transaction: put if the key is in the expected place (messages.h), or, to make it, not there
//   watch    key_watch.h
//
// Version: the mod_revision, which is a count of all writes to the cluster and so grows over deletion and re-creation.
// Restoring a snapshot takes it back, mostly under the same cluster id; therefore the tag has, besides that id, what
// else etcd counts about the key. An absence has no number.
//
// What an answer proves: a transaction that says how it went and shows what it did then, applied or conflict; a refusal
// that etcd makes before it proposes anything (refusal.h), failed. Everything else may have been applied: no leader, no
// space, a time limit in the server, what is no answer of etcd, no answer at all.
#pragma once

#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "election/stores/etcd/options.h"
#include "election/stores/store.h"

namespace leasehold::stores {

// `name` is the election's. Does not talk to a server yet; fails when a file of the options cannot be used.
Result<std::unique_ptr<Store>> open_etcd_store(EventLoop& loop, EtcdOptions options, const std::string& name);

// Names the lock for everyone on this machine who uses the same one.
std::string etcd_lock_id(const EtcdOptions& options, const std::string& name);

}  // namespace leasehold::stores
