// SPDX-License-Identifier: Apache-2.0
#include "tests/kubernetes/fake_cluster.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/core.h>

namespace leasehold::stores::kubernetes {
namespace {

class FakeAccess : public Access {
public:
    explicit FakeAccess(std::shared_ptr<FakeCluster::Credentials> credentials) : credentials_(std::move(credentials)) {}

    const std::string& namespace_name() const override { return namespace_; }
    const std::string& pod_namespace() const override { return namespace_; }
    const std::string& origin() const override { return origin_; }
    const std::vector<std::string>& warnings() const override { return warnings_; }
    Current current() override {
        Current current;
        current.peer.base_url = "https://fake:6443";
        current.authorization = credentials_->authorization;
        current.ready = credentials_->ready;
        return current;
    }
    void refresh(std::function<void(Result<void>)> done) override {
        ++credentials_->refreshes;
        if (credentials_->silent) return;
        done(credentials_->refresh());
    }

private:
    const std::shared_ptr<FakeCluster::Credentials> credentials_;
    const std::string namespace_ = "ns";
    const std::string origin_ = "a test";
    const std::vector<std::string> warnings_;
};

}  // namespace

// What takes the place of libcurl.
class FakeClient : public http::Client {
public:
    FakeClient(FakeCluster& cluster) : cluster_(cluster) {}
    ~FakeClient() override { *alive_ = false; }

    void set_peer(http::Peer) override {}
    void drop_connections() override { ++cluster_.connections_dropped; }

    void send(http::Request request, Duration timeout, Done done) override {
        cluster_.requests.push_back({request, false});
        const auto alive = alive_;
        if (cluster_.stalled_ || timeout <= Duration::zero()) {
            auto timer = Timer::create(cluster_.loop_, [alive, done] {
                http::Answer late;
                late.failure = http::Failure::timeout;
                late.sent = true;
                late.detail = "no answer in time";
                if (*alive) done(std::move(late));
            });
            (*timer)->arm_in(timeout);
            cluster_.timers_.push_back(std::move(*timer));
            return;
        }
        http::Answer answer = cluster_.answer(request);
        cluster_.later([alive, done, answer = std::move(answer)] {
            if (*alive) done(answer);
        });
    }

    class FakeStream : public Stream {
    public:
        explicit FakeStream(std::shared_ptr<FakeCluster::StreamState> state) : state_(std::move(state)) {}
        ~FakeStream() override { state_->gone = true; }

    private:
        const std::shared_ptr<FakeCluster::StreamState> state_;
    };

    std::unique_ptr<Stream> stream(http::Request request, Duration, Duration, StreamEvents events) override {
        cluster_.requests.push_back({request, true});
        auto state = std::make_shared<FakeCluster::StreamState>();
        state->events = std::move(events);
        cluster_.open_stream(state, request);
        return std::make_unique<FakeStream>(state);
    }

private:
    FakeCluster& cluster_;
    const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::shared_ptr<Api> FakeCluster::open_api() {
    auto api = Api::create(loop_, std::make_unique<FakeAccess>(credentials), std::make_unique<FakeClient>(*this));
    return std::move(*api);
}

void FakeCluster::later(std::function<void()> work) {
    auto timer = Timer::create(loop_, std::move(work));
    (*timer)->arm_in(Duration(1));
    timers_.push_back(std::move(*timer));
}

http::Answer FakeCluster::status(int code, const std::string& reason, const std::string& message) {
    http::Answer answer;
    answer.sent = true;
    answer.status = code;
    answer.headers["content-type"] = "application/json";
    answer.body = Json{{"kind", "Status"},   {"apiVersion", "v1"}, {"status", "Failure"},
                       {"message", message}, {"reason", reason},   {"code", code}}
                      .dump();
    return answer;
}

http::Answer FakeCluster::answer(const http::Request& request) {
    if (const auto ask = interfere) {  // a copy: it may take itself away
        if (auto instead = ask(request)) return *instead;
    }
    http::Answer answer;
    const std::string name = request.target.substr(request.target.rfind('/') + 1);
    if (request.method == "POST") {
        answer = create(request.target, Json::parse(request.body));
    } else if (request.method == "PUT") {
        answer = replace(request.target, Json::parse(request.body));
    } else if (const Json* object = find(request.target)) {
        answer.status = 200;
        answer.body = object->dump();
    } else {
        answer = status(404, "NotFound", fmt::format("leases.coordination.k8s.io \"{}\" not found", name));
    }
    answer.sent = true;
    if (distort) distort(request, answer);
    return answer;
}

http::Answer FakeCluster::create(const std::string& collection, Json object) {
    const std::string name = object["metadata"]["name"];
    const std::string target = collection + '/' + name;
    if (find(target) != nullptr) {
        return status(409, "AlreadyExists", fmt::format("leases.coordination.k8s.io \"{}\" already exists", name));
    }
    put(target, std::move(object));
    http::Answer answer;
    answer.status = 201;
    answer.body = find(target)->dump();
    return answer;
}

http::Answer FakeCluster::replace(const std::string& target, Json object) {
    const Json* there = find(target);
    const std::string name = target.substr(target.rfind('/') + 1);
    if (there == nullptr) {
        return status(404, "NotFound", fmt::format("leases.coordination.k8s.io \"{}\" not found", name));
    }
    const Json& metadata = object["metadata"];
    if (metadata["resourceVersion"] != (*there)["metadata"]["resourceVersion"] ||
        metadata["uid"] != (*there)["metadata"]["uid"]) {
        return status(409, "Conflict", "the object has been modified");
    }
    put(target, std::move(object));
    http::Answer answer;
    answer.status = 200;
    answer.body = find(target)->dump();
    return answer;
}

const FakeCluster::Json* FakeCluster::find(const std::string& target) const {
    const auto found = objects_.find(target);
    return found == objects_.end() ? nullptr : &found->second;
}

void FakeCluster::put(const std::string& target, Json object) {
    const Json* there = find(target);
    const bool is_new = there == nullptr;
    Json& metadata = object["metadata"];
    metadata["uid"] = is_new ? Json(fmt::format("uid-{}", ++uids_)) : (*there)["metadata"]["uid"];
    metadata["resourceVersion"] = std::to_string(++revision_);
    metadata["managedFields"] = Json::array({{{"manager", "somebody"}}});
    objects_[target] = object;
    record(is_new ? "ADDED" : "MODIFIED", target, std::move(object));
}

void FakeCluster::remove(const std::string& target) {
    Json object = objects_.at(target);
    objects_.erase(target);
    object["metadata"]["resourceVersion"] = std::to_string(++revision_);
    record("DELETED", target, std::move(object));
}

void FakeCluster::take_back(std::uint64_t revision) {
    revision_ = revision;
    history_.clear();
    for (auto& [target, object] : objects_) object["metadata"]["resourceVersion"] = std::to_string(revision);
}

void FakeCluster::record(const std::string& type, const std::string& target, Json object) {
    history_.push_back({revision_, target, type, std::move(object)});
    if (!mute) feed_watches();
}

void FakeCluster::feed_watches() {
    for (const auto& stream : streams_) {
        if (!stream->gone) later([this, stream] { feed(stream); });
    }
}

void FakeCluster::open_stream(const std::shared_ptr<StreamState>& stream, const http::Request& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    const auto parameter = [&](const std::string& key) -> std::string {
        const std::size_t at = request.target.find(key + '=');
        if (at == std::string::npos) return {};
        const std::size_t begin = at + key.size() + 1;
        return request.target.substr(begin, request.target.find('&', begin) - begin);
    };
    const std::string selector = parameter("fieldSelector");
    stream->target = path + '/' + selector.substr(selector.rfind("%3D") + 3);
    streams_.remove_if([](const auto& old) { return old->gone; });
    streams_.push_back(stream);
    if (const auto ask = interfere) {
        if (auto instead = ask(request)) {
            stream->end = std::move(instead);
            later([this, stream] { feed(stream); });
            return;
        }
    }
    const std::string version = parameter("resourceVersion");
    if (version.empty()) {
        stream->position = revision_;
        if (const Json* object = find(stream->target)) {
            stream->lines.push_back(Json{{"type", "ADDED"}, {"object", *object}}.dump() + '\n');
        }
    } else if (std::stoull(version) < forgotten_) {
        stream->position = revision_;
        const Json gone = Json::parse(status(410, "Expired", "too old resource version").body);
        stream->lines.push_back(Json{{"type", "ERROR"}, {"object", gone}}.dump() + '\n');
    } else {
        stream->position = std::stoull(version);
    }
    later([this, stream] { feed(stream); });
}

void FakeCluster::feed(const std::shared_ptr<StreamState>& stream) {
    if (stream->gone || stalled_) return;
    const bool refused = stream->end && !stream->opened;
    if (!refused && !std::exchange(stream->opened, true)) stream->events.opened(200, {});
    for (const Event& event : history_) {
        if (event.revision <= stream->position || event.target != stream->target || mute || stream->end) continue;
        stream->position = event.revision;
        stream->lines.push_back(Json{{"type", event.type}, {"object", event.object}}.dump() + '\n');
    }
    std::string all;
    for (const std::string& line : std::exchange(stream->lines, {})) all += line;
    // In pieces, as a network would.
    for (std::size_t at = 0; at < all.size() && !stream->gone; at += 100) {
        const auto events = stream->events;
        events.data(std::string_view(all).substr(at, 100));
    }
    if (!stream->end || stream->gone) return;
    http::Answer end = *stream->end;
    if (refused && end.failure == http::Failure::none) stream->events.opened(end.status, end.headers);
    if (!stream->gone && !end.body.empty()) stream->events.data(std::exchange(end.body, ""));
    if (refused && refusals_go_on) {
        stream->opened = true;
        stream->end.reset();
        return;
    }
    if (!stream->gone) stream->events.ended(end);
    stream->gone = true;
}

void FakeCluster::end_watches(http::Answer answer) {
    for (const auto& stream : streams_) {
        stream->end = answer;
        later([this, stream] { feed(stream); });
    }
}

void FakeCluster::tell_watches(const std::string& line) {
    for (const auto& stream : streams_) {
        stream->lines.push_back(line);
        later([this, stream] { feed(stream); });
    }
}

}  // namespace leasehold::stores::kubernetes
