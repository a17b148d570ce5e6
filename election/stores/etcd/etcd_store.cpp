// SPDX-License-Identifier: Apache-2.0
#include "election/stores/etcd/etcd_store.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "base/clock.h"
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

// "CLUSTER/CREATE_REVISION/VERSION"; of an absence the first part only.
std::string tag_of(const std::string& cluster, const Place& place) {
    return fmt::format("{}/{}/{}", cluster, place.create_revision, place.version);
}

// Of a version that is no write of this cluster, as far as that is known: nothing.
std::optional<Place> place_in(const Version& version, const std::string& cluster) {
    Place place{.mod_revision = version.number};
    unsigned long long create = 0;
    unsigned long long count = 0;
    if (!version.tag.starts_with(cluster)) return std::nullopt;
    const char* const rest = version.tag.c_str() + cluster.size();
    if (*rest != '\0' && std::sscanf(rest, "/%llu/%llu", &create, &count) != 2) return std::nullopt;
    place.create_revision = create;
    place.version = count;
    return place;
}

class EtcdStore : public Store {
public:
    EtcdStore(EventLoop& loop, std::unique_ptr<Cluster> cluster, std::string key)
        : loop_(loop), cluster_(std::move(cluster)), key_(std::move(key)) {}

    void read(Duration timeout, ReadCallback done) override {
        cluster_->send({"/v3/kv/range", range_request(key_), "read", true}, timeout,
                       [this, done = std::move(done)](const Cluster::Reply& reply) { done(read_outcome(reply)); });
    }

    void write(WriteRequest request, Duration timeout, WriteCallback done) override {
        const std::string value = encode_record(request.record, JsonLayout::compact);
        std::optional<Place> expected;
        if (!request.expect_absent) {
            expected = place_in(request.expected, cluster_->identity().id());
            if (!expected) return read_then_write(std::move(request), timeout, std::move(done));
        }
        const std::string body = expected ? update_request(key_, value, *expected) : create_request(key_, value);
        cluster_->send({"/v3/kv/txn", body, "write", false}, timeout,
                       [this, expected, done = std::move(done)](const Cluster::Reply& reply) {
                           done(write_outcome(reply, expected));
                       });
    }

    void watch(Watcher watcher) override;

    std::string describe() const override { return fmt::format("etcd key {} at {}", key_, cluster_->servers()); }

private:
    ReadOutcome read_outcome(const Cluster::Reply& reply);
    WriteOutcome write_outcome(const Cluster::Reply& reply, const std::optional<Place>& expected);
    void read_then_write(WriteRequest request, Duration timeout, WriteCallback done);
    Snapshot snapshot_of(const std::optional<KeyValue>& found) const;

    EventLoop& loop_;
    const std::unique_ptr<Cluster> cluster_;
    const std::string key_;
    std::unique_ptr<KeyWatch> watch_;
};

Snapshot EtcdStore::snapshot_of(const std::optional<KeyValue>& found) const {
    const std::string& cluster = cluster_->identity().id();
    Snapshot snapshot;
    snapshot.version.tag = cluster;
    if (!found) return snapshot;
    const DecodedRecord decoded = decode_record(found->value);
    put_into(snapshot, decoded);
    snapshot.never_written = decoded.prepared && found->place.version == 1;  // nobody has written since it was made
    snapshot.version = {found->place.mod_revision, tag_of(cluster, found->place)};
    return snapshot;
}

template <class Outcome>
void tell(const Explanation& refusal, Outcome& outcome) {
    outcome.reason = refusal.label;
    outcome.detail = refusal.detail;
    outcome.retry_after = refusal.retry_after;
}

ReadOutcome EtcdStore::read_outcome(const Cluster::Reply& reply) {
    ReadOutcome outcome;
    std::string problem;
    const auto answer = reply.refusal ? std::nullopt : parse_range(reply.body, problem);
    if (!answer) {
        tell(reply.refusal.value_or(malformed(problem, reply.server)), outcome);
        return outcome;
    }
    outcome.status = ReadStatus::ok;
    outcome.snapshot = snapshot_of(answer->found);
    if (watch_) watch_->expect(outcome.snapshot.version.number);
    return outcome;
}

WriteOutcome EtcdStore::write_outcome(const Cluster::Reply& reply, const std::optional<Place>& expected) {
    WriteOutcome outcome;
    std::string problem;
    const auto answer = reply.refusal ? std::nullopt : parse_txn(reply.body, problem);
    if (!answer) {
        const Explanation refusal = reply.refusal.value_or(malformed(problem, reply.server));
        outcome.status = refusal.not_applied ? WriteStatus::failed : WriteStatus::unknown;
        tell(refusal, outcome);
        return outcome;
    }
    outcome.status = answer->succeeded ? WriteStatus::applied : WriteStatus::conflict;
    if (!answer->succeeded) return outcome;
    Place place{answer->header.revision, answer->header.revision, 1};
    if (expected) place = {answer->header.revision, expected->create_revision, expected->version + 1};
    outcome.version = {place.mod_revision, tag_of(cluster_->identity().id(), place)};
    if (watch_) watch_->expect(outcome.version.number);
    return outcome;
}

// The version is of another cluster, and means nothing in this one; or it is not known yet which one this is.
void EtcdStore::read_then_write(WriteRequest request, Duration timeout, WriteCallback done) {
    const Instant begin = now();
    const auto seen = [this, request = std::move(request), timeout, begin, done = std::move(done)](ReadOutcome found) {
        WriteOutcome outcome;
        outcome.status = WriteStatus::failed;
        outcome.reason = found.reason;
        outcome.detail = found.detail;
        outcome.retry_after = found.retry_after;
        if (found.status != ReadStatus::ok) return done(std::move(outcome));
        if (place_in(request.expected, cluster_->identity().id())) {
            return write(request, timeout - elapsed_at_most(begin, now()), done);
        }
        outcome.status = WriteStatus::conflict;
        done(std::move(outcome));
    };
    read(timeout, seen);
}

void EtcdStore::watch(Watcher watcher) {
    auto shared = std::make_shared<Watcher>(std::move(watcher));
    KeyWatch::Events events;
    events.changed = [this, shared](const WatchMessage::Change& change) {
        shared->seen(snapshot_of(change.deleted ? std::nullopt : std::optional(change.now)));
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
    auto cluster = Cluster::create(loop, std::move(options), key);
    if (!cluster) return tl::unexpected<Error>(cluster.error());
    return std::make_unique<EtcdStore>(loop, std::move(*cluster), key);
}

std::string etcd_lock_id(const EtcdOptions& options, const std::string& name) {
    std::vector<std::string> endpoints = options.endpoints;
    std::sort(endpoints.begin(), endpoints.end());
    return fmt::format("etcd {} {}{}", fmt::join(endpoints, " "), options.prefix, name);
}

}  // namespace leasehold::stores
