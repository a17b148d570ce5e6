// SPDX-License-Identifier: Apache-2.0
//
// A cluster that is only as much of an API server as the store needs, without sockets and threads. It passes the same
// conformance suite as the real one, and does besides what a healthy server never does.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/event_loop.h"
#include "election/stores/http/client.h"
#include "election/stores/kubernetes/access.h"
#include "election/stores/kubernetes/api.h"
#include "tests/servers/scripted_objects.h"

namespace leasehold::stores::kubernetes {

class FakeCluster {
public:
    using Json = nlohmann::json;

    explicit FakeCluster(EventLoop& loop) : loop_(loop) {}

    // A client of this cluster, behind the class that production uses.
    std::shared_ptr<Api> open_api();

    // By hand, as kubectl would.
    void put(const std::string& target, Json object);  // makes or replaces it, whatever its version
    void remove(const std::string& target);
    const Json* find(const std::string& target) const { return objects_.find(target); }

    // Nothing is answered while stalled; what was asked meanwhile is not carried out later.
    void stall(bool stalled) { stalled_ = stalled; }

    // Asked before anything else is done; an answer takes the place of the cluster's.
    std::function<std::optional<http::Answer>(const http::Request&)> interfere;
    // After a request was carried out: may change the answer.
    std::function<void(const http::Request&, http::Answer&)> distort;
    // Watches are told nothing while this is set.
    bool mute = false;
    // The bodies of answers that take a watch's place do not end.
    bool refusals_go_on = false;
    // Bytes of a watch that arrive together: a network cuts anywhere.
    std::size_t piece = 100;

    void end_watches(http::Answer answer);  // from the loop's next turn on
    void tell_watches(const std::string& line);
    void forget_history() { objects_.forget_history(); }
    // As when etcd is restored from a backup of this revision, under the feet of those who watch.
    void take_back(std::uint64_t revision) { objects_.take_back(revision); }
    std::size_t watches() const { return streams_.size(); }

    struct Seen {
        http::Request request;
        bool watch = false;
    };
    std::vector<Seen> requests;
    int connections_dropped = 0;  // times that a client wanted that

    // An error of the API as it would say it.
    static http::Answer status(int code, const std::string& reason, const std::string& message);

    // Credentials that a test turns.
    struct Credentials {
        std::string authorization = "Bearer good";
        bool ready = true;
        std::function<Result<void>()> refresh = [] { return failure("there are no newer ones"); };
        bool silent = false;  // a refresh is never answered
        int refreshes = 0;
    };
    const std::shared_ptr<Credentials> credentials = std::make_shared<Credentials>();

private:
    friend class FakeClient;

    http::Answer answer(const http::Request& request);
    void feed_watches();

    struct StreamState {
        http::Client::StreamEvents events;
        std::optional<servers::Objects::Watch> watch;
        bool opened = false;
        std::vector<std::string> lines;  // to be told
        std::optional<http::Answer> end;
        bool gone = false;  // its owner has destroyed it
    };
    void open_stream(const std::shared_ptr<StreamState>& stream, const http::Request& request);
    void note_news(StreamState& stream);
    void feed(const std::shared_ptr<StreamState>& stream);
    void later(std::function<void()> work);

    EventLoop& loop_;
    servers::Objects objects_;
    bool stalled_ = false;
    std::list<std::shared_ptr<StreamState>> streams_;
    std::list<std::unique_ptr<Timer>> timers_;
};

}  // namespace leasehold::stores::kubernetes
