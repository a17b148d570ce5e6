// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/kubernetes_store.h"

#include <deque>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/clock.h"
#include "base/log.h"
#include "election/stores/json_fields.h"
#include "election/stores/kubernetes/refusal.h"
#include "election/stores/kubernetes/watch.h"

namespace leasehold::stores::kubernetes {
namespace {

using election::Presence;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::WriteOutcome;
using election::WriteStatus;

bool is_same_write(const election::Record& one, const election::Record& other) {
    return one.write_id == other.write_id && one.incarnation == other.incarnation;
}

// The last states of the object, whole, by version: what an update has to keep.
class KnownObjects {
public:
    void remember(const election::Version& version, const Json& object) {
        if (find(version) != nullptr) return;
        if (known_.size() == kKept) known_.pop_front();
        known_.emplace_back(version, object);
    }
    const Json* find(const election::Version& version) const {
        for (const auto& [known, object] : known_) {
            if (known == version) return &object;
        }
        return nullptr;
    }

private:
    static constexpr std::size_t kKept = 3;
    std::deque<std::pair<election::Version, Json>> known_;
};

class KubernetesStore : public Store {
public:
    KubernetesStore(EventLoop& loop, std::shared_ptr<Api> api, ObjectName name, std::shared_ptr<election::Version> seen)
        : loop_(loop),
          api_(std::move(api)),
          name_(std::move(name)),
          kind_(kind_of(name_.lock)),
          seen_(std::move(seen)) {
        collection_ = kind_.collection_path(name_.namespace_name);
        target_ = collection_ + '/' + name_.name;
    }

    void read(Duration timeout, ReadCallback done) override { get(timeout, std::move(done)); }

    void write(WriteRequest request, Duration timeout, WriteCallback done) override {
        if (request.expect_absent) {
            send_write({"POST", collection_, encode_new(name_, request.record).dump()}, request.record, timeout,
                       std::move(done));
        } else if (const Json* last = known_.find(request.expected)) {
            put(*last, request.record, timeout, std::move(done));
        } else {
            read_then_put(std::move(request), timeout, std::move(done));
        }
    }

    void watch(Watcher watcher) override;

    std::string describe() const override {
        return fmt::format("{} {}/{} at {}", kind_.resource, name_.namespace_name, name_.name, api_->server());
    }

private:
    // Answers that come when the store is gone are dropped.
    template <class Handler>
    auto while_alive(Handler handler) {
        return [alive = std::weak_ptr<bool>(alive_), handler = std::move(handler)](auto&&... arguments) mutable {
            if (alive.lock()) handler(std::forward<decltype(arguments)>(arguments)...);
        };
    }

    void get(Duration timeout, ReadCallback done);
    ReadOutcome read_outcome(const http::Answer& answer, std::uint64_t before);
    void put(const Json& last, const election::Record& record, Duration timeout, WriteCallback done);
    void read_then_put(WriteRequest request, Duration timeout, WriteCallback done);
    void send_write(Api::Call call, const election::Record& record, Duration timeout, WriteCallback done);
    WriteOutcome write_outcome(const http::Answer& answer, const Action& action, const election::Record& record,
                               std::uint64_t before);
    void compare_with_watch(std::uint64_t number, std::uint64_t before);
    std::optional<Snapshot> take_in(const Json& object, std::string& problem);
    Action action(const char* verb) const {
        return {verb, kind_.api_group, kind_.resource, std::string(verb) == "create" ? "" : name_.name,
                name_.namespace_name};
    }

    EventLoop& loop_;
    const std::shared_ptr<Api> api_;
    const ObjectName name_;
    const ObjectKind kind_;
    const std::shared_ptr<election::Version> seen_;
    election::Record sent_last_;
    std::string collection_;
    std::string target_;
    KnownObjects known_;
    std::unique_ptr<ObjectWatch> watch_;
    const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::optional<Snapshot> KubernetesStore::take_in(const Json& object, std::string& problem) {
    DecodedObject decoded = decode_object(name_, object);
    problem = decoded.problem;
    if (decoded.snapshot) {
        known_.remember(decoded.snapshot->version, object);
        *seen_ = decoded.snapshot->version;
    }
    return decoded.snapshot;
}

void KubernetesStore::get(Duration timeout, ReadCallback done) {
    api_->send({.target = target_}, timeout,
               while_alive([this, before = seen_->number, done = std::move(done)](const http::Answer& answer) {
                   done(read_outcome(answer, before));
               }));
}

// `before`: the object's version that was known when the request was sent. What is consistent and still says less comes
// from a cluster that was taken back.
void KubernetesStore::compare_with_watch(std::uint64_t number, std::uint64_t before) {
    if (!watch_) return;
    if (number < before) {
        watch_->start_over();
    } else {
        watch_->expect(number);
    }
}

ReadOutcome KubernetesStore::read_outcome(const http::Answer& answer, std::uint64_t before) {
    ReadOutcome outcome;
    if (answer.failure == http::Failure::none && answer.status == 200) {
        std::string problem = "its body is no JSON";
        const Json object = parse_server_json(answer.body);
        auto snapshot = object.is_discarded() ? std::nullopt : take_in(object, problem);
        if (snapshot) {
            outcome.status = ReadStatus::ok;
            outcome.snapshot = std::move(*snapshot);
            compare_with_watch(outcome.snapshot.version.number, before);
        } else {
            outcome.reason = "malformed";
            outcome.detail = fmt::format("{} answered with what is no such object: {}", api_->server(), problem);
        }
        return outcome;
    }
    // A 404 of the API that does not name the object is about something else, such as the kind.
    const auto status = answer.status == 404 ? parse_status(answer.body) : std::nullopt;
    if (status && status->reason == "NotFound" && status->message.find('"' + name_.name + '"') != std::string::npos) {
        outcome.status = ReadStatus::ok;
        return outcome;
    }
    const Refusal refusal = api_->refusal_of(answer, action("get"));
    outcome.reason = refusal.label;
    outcome.detail = refusal.detail;
    outcome.retry_after = refusal.retry_after;
    return outcome;
}

void KubernetesStore::put(const Json& last, const election::Record& record, Duration timeout, WriteCallback done) {
    send_write({"PUT", target_, encode_update(name_, last, record).dump()}, record, timeout, std::move(done));
}

void KubernetesStore::read_then_put(WriteRequest request, Duration timeout, WriteCallback done) {
    const Instant started = now();
    get(timeout, while_alive([this, request = std::move(request), timeout, started,
                              done = std::move(done)](const ReadOutcome& seen) {
            WriteOutcome outcome;
            if (seen.status == ReadStatus::ok && seen.snapshot.version == request.expected) {
                put(*known_.find(request.expected), request.record, timeout - elapsed_at_most(started, now()), done);
                return;
            }
            const bool timed_out = seen.reason == http::label_of(http::Failure::timeout);
            outcome.status = seen.status == ReadStatus::ok ? WriteStatus::conflict
                             : timed_out                   ? WriteStatus::unknown
                                                           : WriteStatus::failed;
            outcome.reason = seen.reason;
            outcome.detail = seen.detail;
            outcome.retry_after = seen.retry_after;
            done(std::move(outcome));
        }));
}

void KubernetesStore::send_write(Api::Call call, const election::Record& record, Duration timeout, WriteCallback done) {
    sent_last_ = record;
    const Action asked = action(call.method == "POST" ? "create" : "update");
    api_->send(std::move(call), timeout,
               while_alive([this, asked, record, before = seen_->number, done = std::move(done)](
                               const http::Answer& answer) { done(write_outcome(answer, asked, record, before)); }));
}

WriteOutcome KubernetesStore::write_outcome(const http::Answer& answer, const Action& action,
                                            const election::Record& record, std::uint64_t before) {
    WriteOutcome outcome;
    if (answer.failure == http::Failure::none && (answer.status == 200 || answer.status == 201)) {
        std::string problem = "its body is no JSON";
        const Json object = parse_server_json(answer.body);
        const auto snapshot = object.is_discarded() ? std::nullopt : take_in(object, problem);
        if (snapshot && is_same_write(snapshot->record, record)) {
            outcome.status = WriteStatus::applied;
            outcome.version = snapshot->version;
            compare_with_watch(outcome.version.number, before);
            return outcome;
        }
        outcome.status = WriteStatus::unknown;
        outcome.reason = "malformed";
        outcome.detail = fmt::format("{} answered with {} to a write, but not with what was written{}", api_->server(),
                                     answer.status, problem.empty() ? "" : ": " + problem);
        return outcome;
    }
    const auto status = answer.failure == http::Failure::none ? parse_status(answer.body) : std::nullopt;
    const bool refused = status && answer.status >= 400 && answer.status < 500;
    const bool never_sent =
        answer.failure != http::Failure::none && answer.failure != http::Failure::timeout && !answer.sent;
    const bool conflict = refused && (answer.status == 409 || (answer.status == 404 && action.verb == "update"));
    const Refusal refusal = api_->refusal_of(answer, action);
    outcome.status = conflict                ? WriteStatus::conflict
                     : refused || never_sent ? WriteStatus::failed
                                             : WriteStatus::unknown;
    outcome.reason = refusal.label;
    outcome.detail = refusal.detail;
    outcome.retry_after = refusal.retry_after;
    return outcome;
}

void KubernetesStore::watch(Watcher watcher) {
    auto shared = std::make_shared<Watcher>(std::move(watcher));
    ObjectWatch::Events events;
    events.changed = [this, shared](const Json& object, bool superseded) {
        std::string problem;
        auto snapshot = take_in(object, problem);
        // A hundred candidates on a busy machine: who hears of a release and of the next leader at once does not storm
        // the server for a lease that is taken. Of our own release this may be the only word.
        if (superseded && snapshot && snapshot->record.released && !is_same_write(snapshot->record, sent_last_)) return;
        if (snapshot) {
            shared->seen(std::move(*snapshot));
        } else {
            shared->broken("malformed");
        }
    };
    events.deleted = [shared] { shared->seen(Snapshot()); };
    events.broken = [shared](const std::string& reason) { shared->broken(reason); };
    auto started = ObjectWatch::start(loop_, *api_, collection_, action("watch"), std::move(events));
    if (!started) {
        log::error("kubernetes: no watch, the record is polled: {}", started.error().message);
        return;
    }
    watch_ = std::move(*started);
}

}  // namespace

std::unique_ptr<Store> open_kubernetes_store(EventLoop& loop, std::shared_ptr<Api> api, ObjectName name,
                                             std::shared_ptr<election::Version> seen) {
    return std::make_unique<KubernetesStore>(loop, std::move(api), std::move(name), std::move(seen));
}

}  // namespace leasehold::stores::kubernetes
