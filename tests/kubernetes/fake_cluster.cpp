// SPDX-License-Identifier: Apache-2.0
#include "tests/kubernetes/fake_cluster.h"

#include <utility>

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

namespace {

http::Answer http_answer(const servers::Objects::Answer& from) {
    http::Answer answer;
    answer.sent = true;
    answer.status = from.status;
    answer.headers["content-type"] = "application/json";
    answer.body = from.body.dump();
    return answer;
}

}  // namespace

http::Answer FakeCluster::status(int code, const std::string& reason, const std::string& message) {
    return http_answer(servers::Objects::error(code, reason, message));
}

http::Answer FakeCluster::answer(const http::Request& request) {
    if (const auto ask = interfere) {  // a copy: it may take itself away
        if (auto instead = ask(request)) return *instead;
    }
    http::Answer answer = http_answer(objects_.carry_out(request.method, request.target, request.body));
    if (request.method != "GET") feed_watches();
    if (distort) distort(request, answer);
    return answer;
}

void FakeCluster::put(const std::string& target, Json object) {
    objects_.put(target, std::move(object));
    feed_watches();
}

void FakeCluster::remove(const std::string& target) {
    objects_.remove(target);
    feed_watches();
}

void FakeCluster::feed_watches() {
    if (mute) return;
    for (const auto& stream : streams_) {
        if (!stream->gone) later([this, stream] { feed(stream); });
    }
}

void FakeCluster::open_stream(const std::shared_ptr<StreamState>& stream, const http::Request& request) {
    stream->watch.emplace(objects_, request.target);
    streams_.remove_if([](const auto& old) { return old->gone; });
    streams_.push_back(stream);
    if (const auto ask = interfere) {
        if (auto instead = ask(request)) {
            stream->end = std::move(instead);
            later([this, stream] { feed(stream); });
            return;
        }
    }
    later([this, stream] { feed(stream); });
}

void FakeCluster::note_news(StreamState& stream) {
    if (mute) return;
    for (std::string& line : stream.watch->read()) stream.lines.push_back(std::move(line));
}

void FakeCluster::feed(const std::shared_ptr<StreamState>& stream) {
    if (stream->gone || stalled_) return;
    const bool refused = stream->end && !stream->opened;
    if (!refused && !std::exchange(stream->opened, true)) stream->events.opened(200, {});
    if (!stream->end) note_news(*stream);
    std::string all;
    for (const std::string& line : std::exchange(stream->lines, {})) all += line;
    for (std::size_t at = 0; at < all.size() && !stream->gone; at += piece) {
        const auto events = stream->events;
        events.data(std::string_view(all).substr(at, piece));
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
        note_news(*stream);  // what has happened comes first
        stream->lines.push_back(line);
        later([this, stream] { feed(stream); });
    }
}

}  // namespace leasehold::stores::kubernetes
