// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/etcd_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "base/log.h"
#include "election/stores/etcd/cluster.h"
#include "election/stores/etcd/key_watch.h"
#include "election/stores/etcd/messages.h"
#include "election/stores/etcd/refusal.h"
#include "election/stores/record_json.h"

namespace leasehold::stores {
namespace {

using namespace etcd;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::Version;
using election::WriteOutcome;
using election::WriteStatus;

bool succeeded(const http::Answer& answer) { return answer.failure == http::Failure::none && answer.status == 200; }

class EtcdStore : public Store {
public:
    EtcdStore(EventLoop& loop, std::unique_ptr<Cluster> cluster, std::string key)
        : loop_(loop), cluster_(std::move(cluster)), key_(std::move(key)) {}

    void read(Duration timeout, ReadCallback done) override {
        cluster_->send({"/v3/kv/range", range_request(key_), true}, timeout,
                       [this, done = std::move(done)](const Cluster::Reply& reply) { done(read_outcome(reply)); });
    }

    void write(WriteRequest request, Duration timeout, WriteCallback done) override {
        const std::string value = encode_record(request.record, JsonLayout::compact);
        const std::string body =
            request.expect_absent ? create_request(key_, value) : update_request(key_, value, request.expected.number);
        // Revisions of another cluster mean nothing in this one: it is not asked at all.
        if (!request.expect_absent && request.expected.tag != cluster_->id()) {
            return read(timeout, [done = std::move(done)](const ReadOutcome&) {
                WriteOutcome outcome;
                outcome.status = WriteStatus::conflict;
                done(std::move(outcome));
            });
        }
        cluster_->send({"/v3/kv/txn", body, false}, timeout,
                       [this, done = std::move(done)](const Cluster::Reply& reply) { done(write_outcome(reply)); });
    }

    void watch(Watcher watcher) override;

    std::string describe() const override { return fmt::format("etcd key {} at {}", key_, cluster_->servers()); }

private:
    ReadOutcome read_outcome(const Cluster::Reply& reply);
    WriteOutcome write_outcome(const Cluster::Reply& reply);
    Snapshot snapshot_of(const KeyValue& found) const;

    EventLoop& loop_;
    const std::unique_ptr<Cluster> cluster_;
    const std::string key_;
    std::unique_ptr<KeyWatch> watch_;
};

Snapshot EtcdStore::snapshot_of(const KeyValue& found) const {
    DecodedRecord decoded = decode_record(found.value);
    Snapshot snapshot;
    snapshot.presence = decoded.presence;
    snapshot.record = std::move(decoded.record);
    snapshot.problem = std::move(decoded.problem);
    snapshot.never_written = decoded.prepared;
    snapshot.version = {found.mod_revision, cluster_->id()};
    return snapshot;
}

ReadOutcome EtcdStore::read_outcome(const Cluster::Reply& reply) {
    ReadOutcome outcome;
    if (!succeeded(reply.answer)) {
        const Explanation refusal = explain(reply.answer, "read", key_, reply.server);
        outcome.reason = refusal.label;
        outcome.detail = refusal.detail;
        return outcome;
    }
    std::string problem;
    const auto answer = parse_range(reply.answer.body, problem);
    if (answer && cluster_->agrees(reply.server, answer->header.cluster_id)) {
        outcome.status = ReadStatus::ok;
        outcome.snapshot.version.tag = cluster_->id();
        if (answer->found) outcome.snapshot = snapshot_of(*answer->found);
        if (watch_) watch_->expect(outcome.snapshot.version.number);
        return outcome;
    }
    outcome.reason = answer ? "another_cluster" : "malformed";
    outcome.detail = answer ? reply.server + " belongs to another cluster than the other endpoints"
                            : fmt::format("{} answered with what cannot be understood: {}", reply.server, problem);
    return outcome;
}

WriteOutcome EtcdStore::write_outcome(const Cluster::Reply& reply) {
    WriteOutcome outcome;
    if (!succeeded(reply.answer)) {
        const Explanation refusal = explain(reply.answer, "write", key_, reply.server);
        outcome.status = refusal.not_applied ? WriteStatus::failed : WriteStatus::unknown;
        outcome.reason = refusal.label;
        outcome.detail = refusal.detail;
        return outcome;
    }
    std::string problem;
    const auto answer = parse_txn(reply.answer.body, problem);
    if (answer && cluster_->agrees(reply.server, answer->header.cluster_id)) {
        outcome.status = answer->succeeded ? WriteStatus::applied : WriteStatus::conflict;
        if (!answer->succeeded) return outcome;
        outcome.version = {answer->header.revision, cluster_->id()};
        if (watch_) watch_->expect(outcome.version.number);
        return outcome;
    }
    outcome.status = WriteStatus::unknown;
    outcome.reason = answer ? "another_cluster" : "malformed";
    outcome.detail = answer ? reply.server + " belongs to another cluster than the other endpoints"
                            : fmt::format("{} answered with what cannot be understood: {}", reply.server, problem);
    return outcome;
}

void EtcdStore::watch(Watcher watcher) {
    auto shared = std::make_shared<Watcher>(std::move(watcher));
    KeyWatch::Events events;
    events.changed = [this, shared](const WatchMessage::Change& change) {
        shared->seen(change.deleted ? Snapshot() : snapshot_of(change.now));
    };
    events.broken = [shared](const std::string& reason) { shared->broken(reason); };
    auto started = KeyWatch::start(loop_, *cluster_, key_, std::move(events));
    if (!started) {
        log::error("etcd: no watch, the record is polled: {}", started.error().message);
        return;
    }
    watch_ = std::move(*started);
}

}  // namespace

Result<std::unique_ptr<Store>> open_etcd_store(EventLoop& loop, EtcdOptions options, const std::string& name) {
    const std::string key = options.prefix + name;
    auto cluster = Cluster::create(loop, std::move(options));
    if (!cluster) return tl::unexpected<Error>(cluster.error());
    return std::make_unique<EtcdStore>(loop, std::move(*cluster), key);
}

std::string etcd_lock_id(const EtcdOptions& options, const std::string& name) {
    std::vector<std::string> endpoints = options.endpoints;
    std::sort(endpoints.begin(), endpoints.end());
    return fmt::format("etcd {} {}{}", fmt::join(endpoints, " "), options.prefix, name);
}

}  // namespace leasehold::stores
