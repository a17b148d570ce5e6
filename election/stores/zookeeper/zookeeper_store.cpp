// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/zookeeper_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "base/growing_pause.h"
#include "base/log.h"
#include "election/stores/record_json.h"
#include "election/stores/zookeeper/ensemble_client.h"
#include "election/stores/zookeeper/names.h"
#include "election/stores/zookeeper/record_node.h"
#include "election/stores/zookeeper/refusal.h"

namespace leasehold::stores {
namespace {

using namespace zookeeper;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::WriteOutcome;
using election::WriteStatus;
using CallPointer = EnsembleClient::CallPointer;

constexpr Duration kWatchTimeout = std::chrono::seconds(10);

Snapshot snapshot_of(const RecordNode::State& state) {
    Snapshot snapshot;
    if (state.code == ZNONODE) return snapshot;
    const DecodedRecord decoded = decode_record(state.text);
    put_into(snapshot, decoded);
    snapshot.never_written = decoded.prepared;
    snapshot.version = state.version;
    return snapshot;
}

bool is_known(const RecordNode::State& state) { return state.code == ZOK || state.code == ZNONODE; }

class ZookeeperStore : public Store {
public:
    static Result<std::unique_ptr<Store>> open(EventLoop& loop, ZookeeperOptions options, const std::string& path);
    ~ZookeeperStore() override { *alive_ = false; }

    void read(Duration timeout, ReadCallback done) override;
    void write(WriteRequest request, Duration timeout, WriteCallback done) override;
    void watch(Watcher watcher) override;
    std::string describe() const override {
        return fmt::format("ZooKeeper znode {} at {}", node_->path(), client_->servers());
    }

private:
    Explanation refusal(int code, const std::string& action, const std::string& path) const;
    WriteOutcome outcome_of(const RecordNode::Written& written) const;
    void arm();
    void armed(const RecordNode::State& state);
    void watch_failed(const Problem& problem);
    void on_change();
    void on_lost(const Problem& problem);

    std::unique_ptr<EnsembleClient> client_;
    std::unique_ptr<RecordNode> node_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

    std::shared_ptr<const Watcher> watcher_;
    std::unique_ptr<Timer> watch_timer_;
    bool arming_ = false;
    bool changed_ = false;     // since the read that is under way began
    bool is_current_ = false;  // the connection has shown what a quorum knows
    GrowingPause watch_pause_{std::chrono::milliseconds(50), std::chrono::seconds(5)};
};

Result<std::unique_ptr<Store>> ZookeeperStore::open(EventLoop& loop, ZookeeperOptions options,
                                                    const std::string& path) {
    auto store = std::make_unique<ZookeeperStore>();
    auto client =
        EnsembleClient::create(loop, std::move(options),
                               {.lost = [raw = store.get()](const Problem& problem) { raw->on_lost(problem); },
                                .changed = [raw = store.get()] { raw->on_change(); }});
    if (!client) return tl::unexpected<Error>(client.error());
    store->client_ = std::move(*client);
    auto timer = Timer::create(loop, [raw = store.get()] { raw->arm(); });
    if (!timer) return tl::unexpected<Error>(timer.error());
    store->watch_timer_ = std::move(*timer);
    store->node_ = std::make_unique<RecordNode>(*store->client_, path);
    return store;
}

Explanation ZookeeperStore::refusal(int code, const std::string& action, const std::string& path) const {
    return explain(code, client_->text_of(code), action, path, client_->server(), client_->authenticates());
}

void ZookeeperStore::read(Duration timeout, ReadCallback done) {
    auto shared = std::make_shared<ReadCallback>(std::move(done));
    const auto begin = [this, shared](const CallPointer& call) {
        node_->read(call, true, false, [this, shared, call](const RecordNode::State& state) {
            client_->finish(call);
            ReadOutcome outcome;
            if (is_known(state)) {
                outcome.status = ReadStatus::ok;
                outcome.snapshot = snapshot_of(state);
            } else {
                const Explanation why = refusal(state.code, "read", node_->path());
                outcome.reason = why.label;
                outcome.detail = why.detail;
            }
            (*shared)(std::move(outcome));
        });
    };
    const auto failed = [shared](const Problem& problem, bool /*may_be_applied*/) {
        ReadOutcome outcome;
        outcome.reason = problem.label;
        outcome.detail = problem.detail;
        (*shared)(std::move(outcome));
    };
    client_->start({.timeout = timeout, .begin = begin, .failed = failed});
}

WriteOutcome ZookeeperStore::outcome_of(const RecordNode::Written& written) const {
    WriteOutcome outcome;
    if (written.code == ZOK) {
        outcome.status = WriteStatus::applied;
        outcome.version = written.version;
    } else if (written.conflict) {
        outcome.status = WriteStatus::conflict;
    } else {
        const bool elsewhere = !written.refused_below.empty();
        const Explanation why = elsewhere ? refusal(written.code, kMakeBelow, written.refused_below)
                                          : refusal(written.code, "write", node_->path());
        outcome.status = why.not_applied ? WriteStatus::failed : WriteStatus::unknown;
        outcome.reason = why.label;
        outcome.detail = why.detail;
    }
    return outcome;
}

void ZookeeperStore::write(WriteRequest request, Duration timeout, WriteCallback done) {
    auto shared = std::make_shared<WriteCallback>(std::move(done));
    const std::string text = encode_record(request.record, JsonLayout::compact);
    const bool too_large = text.size() > kRecordTextLimit;
    const auto begin = [this, shared, text, too_large, request](const CallPointer& call) {
        const auto written = [this, shared, call](const RecordNode::Written& what) {
            client_->finish(call);
            (*shared)(outcome_of(what));
        };
        if (too_large)
            return node_->read(call, false, false, [this, shared, call](const RecordNode::State&) {
                client_->finish(call);
                WriteOutcome outcome;
                outcome.status = WriteStatus::failed;
                outcome.reason = "too_large";
                outcome.detail = "the record would be too large to be read again";
                (*shared)(std::move(outcome));
            });
        if (request.expect_absent) return node_->create(call, text, written);
        node_->update(call, request.expected, text, written);
    };
    const auto failed = [shared](const Problem& problem, bool may_be_applied) {
        WriteOutcome outcome;
        const bool unknown = may_be_applied || problem.label == "timeout";
        outcome.status = unknown ? WriteStatus::unknown : WriteStatus::failed;
        outcome.reason = problem.label;
        outcome.detail = problem.detail;
        (*shared)(std::move(outcome));
    };
    client_->start({.timeout = timeout, .begin = begin, .failed = failed});
}

void ZookeeperStore::watch(Watcher watcher) {
    watcher_ = std::make_shared<Watcher>(std::move(watcher));
    arm();
}

void ZookeeperStore::arm() {
    if (arming_) return;
    arming_ = true;
    const auto begin = [this](const CallPointer& call) {
        changed_ = false;
        node_->read(call, !is_current_, true, [this, call](const RecordNode::State& state) {
            client_->finish(call);
            arming_ = false;
            armed(state);
        });
    };
    const auto failed = [this](const Problem& problem, bool /*may_be_applied*/) {
        arming_ = false;
        watch_failed(problem);
    };
    client_->start({.timeout = kWatchTimeout, .begin = begin, .failed = failed});
}

void ZookeeperStore::armed(const RecordNode::State& state) {
    if (!is_known(state)) {
        const Explanation why = refusal(state.code, "read", node_->path());
        return watch_failed({why.label, why.detail});
    }
    is_current_ = true;
    watch_pause_.reset();
    const std::shared_ptr<bool> alive = alive_;
    const auto watcher = watcher_;  // survives this
    watcher->seen(snapshot_of(state));
    if (*alive && changed_) arm();
}

void ZookeeperStore::watch_failed(const Problem& problem) {
    log::debug("zookeeper: no watch: {}", problem.detail);
    watch_timer_->arm_in(watch_pause_.next());
    const auto watcher = watcher_;
    watcher->broken(problem.label + ": " + problem.detail);
}

void ZookeeperStore::on_change() {
    changed_ = true;
    if (watcher_) arm();
}

void ZookeeperStore::on_lost(const Problem& problem) {
    is_current_ = false;
    if (!watcher_) return;
    const std::shared_ptr<bool> alive = alive_;
    const auto watcher = watcher_;
    watcher->broken(problem.label + ": " + problem.detail);
    if (*alive) arm();  // unless that is under way; it begins again then
}

}  // namespace

Result<std::unique_ptr<Store>> open_zookeeper_store(EventLoop& loop, ZookeeperOptions options,
                                                    const std::string& name) {
    const std::string path = znode_path(options.path, name);
    return ZookeeperStore::open(loop, std::move(options), path);
}

std::string zookeeper_lock_id(const ZookeeperOptions& options, const std::string& name) {
    std::vector<std::string> servers = options.servers;
    std::sort(servers.begin(), servers.end());
    return fmt::format("zookeeper {} {}", fmt::join(servers, " "), znode_path(options.path, name));
}

}  // namespace leasehold::stores
