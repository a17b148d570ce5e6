// SPDX-License-Identifier: Apache-2.0
#include "election/stores/consul/consul_store.h"

#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "election/stores/consul/agent.h"
#include "election/stores/consul/key_watch.h"
#include "election/stores/consul/messages.h"
#include "election/stores/consul/refusal.h"
#include "election/stores/digest.h"
#include "election/stores/record_json.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores {
namespace {

using namespace consul;
using election::Presence;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::Version;
using election::WriteOutcome;
using election::WriteStatus;

Version version_of(std::uint64_t modify_index, const std::string& value) {
    return {modify_index, fmt::format("{:016x}", digest(value))};
}

Snapshot snapshot_of(const std::optional<Entry>& entry) {
    Snapshot snapshot;
    if (!entry) return snapshot;
    const DecodedRecord decoded = decode_record(entry->value);
    put_into(snapshot, decoded);
    snapshot.never_written = decoded.prepared;
    snapshot.version = version_of(entry->modify_index, entry->value);
    if (entry->value.empty() && !entry->session.empty()) {
        snapshot.presence = Presence::unreadable;
        snapshot.problem = "it is empty, and locked by the session " + shown(entry->session) + " of Consul";
    }
    return snapshot;
}

class ConsulStore : public Store {
public:
    ConsulStore(EventLoop& loop, std::unique_ptr<Agent> agent, std::string key)
        : loop_(loop), agent_(std::move(agent)), key_(std::move(key)) {}

    void read(Duration timeout, ReadCallback done) override {
        agent_->send(kv_target(key_), "", timeout,
                     [this, done = std::move(done)](const http::Answer& answer) { done(read_outcome(answer)); });
    }

    void write(WriteRequest request, Duration timeout, WriteCallback done) override {
        const std::uint64_t expected = request.expect_absent ? 0 : request.expected.number;
        if (!request.expect_absent && expected == 0) {  // no write has that number; to Consul it means to create
            return refuse_version(timeout, std::move(done));
        }
        std::string value = encode_record(request.record, JsonLayout::compact);
        const std::string body = cas_request(key_, value, expected);
        agent_->send("/v1/txn?", body, timeout,
                     [this, expected, value = std::move(value), done = std::move(done)](const http::Answer& answer) {
                         done(write_outcome(answer, expected, value));
                     });
    }

    void watch(Watcher watcher) override;

    std::string describe() const override { return fmt::format("consul key {} at {}", key_, agent_->address()); }

private:
    ReadOutcome read_outcome(const http::Answer& answer);
    WriteOutcome write_outcome(const http::Answer& answer, std::uint64_t expected, const std::string& value);
    void refuse_version(Duration timeout, WriteCallback done);
    std::string not_understood(const std::string& problem) const {
        return fmt::format("{} answered with what cannot be understood: {}", agent_->address(), problem);
    }

    EventLoop& loop_;
    const std::unique_ptr<Agent> agent_;
    const std::string key_;
    std::unique_ptr<KeyWatch> watch_;
};

ReadOutcome ConsulStore::read_outcome(const http::Answer& answer) {
    ReadOutcome outcome;
    const auto position = position_of(answer.headers);
    const bool absent = answer.status == 404 && answer.body.empty();
    if (answer.failure != http::Failure::none || !position || (answer.status != 200 && !absent)) {
        const Explanation refusal = explain(answer, "read", key_, agent_->address());
        outcome.reason = refusal.label;
        outcome.detail = refusal.detail;
        return outcome;
    }
    if (!position->consistent) {
        outcome.reason = "unavailable";
        outcome.detail = agent_->address() + " answered without a leader, though it was asked for the leader's word";
        return outcome;
    }
    std::optional<Entry> entry;
    std::string problem;
    if (!absent) entry = parse_entry(answer.body, key_, problem);
    if (!problem.empty()) {
        outcome.reason = "malformed";
        outcome.detail = not_understood(problem);
        return outcome;
    }
    outcome.status = ReadStatus::ok;
    outcome.snapshot = snapshot_of(entry);
    if (watch_) watch_->expect(outcome.snapshot.version.number);
    return outcome;
}

WriteOutcome ConsulStore::write_outcome(const http::Answer& answer, std::uint64_t expected, const std::string& value) {
    WriteOutcome outcome;
    if (answer.failure == http::Failure::none && answer.status == 409 &&
        comparison_failed(parse_txn_errors(answer.body))) {
        outcome.status = WriteStatus::conflict;
        return outcome;
    }
    if (answer.failure != http::Failure::none || answer.status != 200) {
        const Explanation refusal = explain(answer, "write", key_, agent_->address());
        outcome.status = refusal.not_applied ? WriteStatus::failed : WriteStatus::unknown;
        outcome.reason = refusal.label;
        outcome.detail = refusal.detail;
        return outcome;
    }
    std::string problem;
    const auto modify_index = parse_applied(answer.body, key_, problem);
    if (modify_index && *modify_index > expected) {
        outcome.status = WriteStatus::applied;
        outcome.version = version_of(*modify_index, value);
        if (watch_) watch_->expect(*modify_index);
        return outcome;
    }
    outcome.status = WriteStatus::unknown;
    outcome.reason = "malformed";
    outcome.detail = not_understood(modify_index ? "the entry's ModifyIndex did not grow" : problem);
    return outcome;
}

// Nothing is sent but a read, because the answer is not to come from inside the call.
void ConsulStore::refuse_version(Duration timeout, WriteCallback done) {
    read(timeout, [done = std::move(done)](const ReadOutcome&) {
        WriteOutcome outcome;
        outcome.status = WriteStatus::failed;
        outcome.reason = "refused";
        outcome.detail = "the write was not sent: no entry of Consul's has the version 0";
        done(std::move(outcome));
    });
}

void ConsulStore::watch(Watcher watcher) {
    auto shared = std::make_shared<Watcher>(std::move(watcher));
    KeyWatch::Events events;
    const auto holder = std::make_shared<std::string>();  // the watch copies its callbacks
    events.seen = [shared, holder](const std::optional<Entry>& entry) {
        Snapshot snapshot = snapshot_of(entry);
        const bool same_leader = !snapshot.record.released && snapshot.record.holder == *holder;
        *holder = snapshot.record.released ? "" : snapshot.record.holder;
        shared->seen(std::move(snapshot));
        return !same_leader;  // the lease changes hands
    };
    events.broken = [shared](const std::string& reason) { shared->broken(reason); };
    auto started = KeyWatch::start(loop_, *agent_, key_, std::move(events));
    if (!started) {
        log::error("consul: no watch, the record is polled: {}", started.error().message);
        return;
    }
    watch_ = std::move(*started);
}

}  // namespace

Result<std::unique_ptr<Store>> open_consul_store(EventLoop& loop, ConsulOptions options, const std::string& name) {
    const std::string key = options.prefix + name;
    auto agent = Agent::create(loop, std::move(options));
    if (!agent) return tl::unexpected<Error>(agent.error());
    return std::make_unique<ConsulStore>(loop, std::move(*agent), key);
}

std::string consul_lock_id(const ConsulOptions& options, const std::string& name) {
    return fmt::format("consul {} {} {}{}", options.address, options.datacenter, options.prefix, name);
}

}  // namespace leasehold::stores
