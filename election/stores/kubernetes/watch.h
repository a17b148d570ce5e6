// SPDX-License-Identifier: Apache-2.0
//
// Watches one object of the API for as long as it lives: goes on where it stopped after any failure, and asks for
// bookmarks so that it can (kubernetes.io: "Efficient detection of changes", "Watch bookmarks").
//
// It asks only for the one object (fieldSelector metadata.name), which a Role that names it allows.
//
// Each attempt waits longer than the one before, up to five seconds, until there was news or a stream has lived for
// some seconds. A refusal is said in the log once, and again when it is another one.
//
// Threads: the loop's. Never blocks. Callbacks may destroy it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/event_loop.h"
#include "base/growing_pause.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/kubernetes/api.h"
#include "election/stores/kubernetes/refusal.h"
#include "election/stores/kubernetes/watch_line.h"

namespace leasehold::stores::kubernetes {

class ObjectWatch {
public:
    struct Events {
        // Added or modified. `superseded`: what it became next arrived with it, and is told next.
        std::function<void(const nlohmann::json& object, bool superseded)> changed;
        std::function<void()> deleted;
        // Changes may have been missed; it goes on by itself. The reason is as Store::Watcher has it.
        std::function<void(std::string reason)> broken;
    };

    // `collection` is the path of all objects of the kind in the namespace; `action` is what a server that refuses the
    // watch is said to refuse, and names the object. `api` outlives the watch.
    static Result<std::unique_ptr<ObjectWatch>> start(EventLoop& loop, Api& api, std::string collection, Action action,
                                                      Events events);

    // The object is known to have reached this version: a watch that does not say so within five seconds is stalled,
    // and started again over a new connection.
    void expect(std::uint64_t version);

    // The versions have gone back (etcd was restored): what was seen is no measure any more, and a position from then
    // may be waited for in vain.
    void start_over();

    ~ObjectWatch();

private:
    ObjectWatch(EventLoop& loop, Api& api, std::string collection, Action action, Events events);

    void connect();
    void opened(int status, const std::map<std::string, std::string>& headers);
    void received(std::string_view data);
    void ended(const http::Answer& answer);
    void refused();
    void waited_long_enough();
    std::vector<WatchLine> take_lines(bool& malformed);
    bool take_in(const WatchLine& line, bool superseded);  // false: the watch is over
    void take_position(const std::string& version);
    bool error_event(bool expired);
    bool has_lived() const;
    void works();
    void restart(const std::string& reason, bool fresh_connection);
    std::string target() const;

    EventLoop& loop_;
    Api& api_;
    std::string collection_;
    Action action_;
    Events events_;
    std::unique_ptr<Timer> retry_timer_;
    std::unique_ptr<Timer> stall_timer_;
    std::unique_ptr<http::Client::Stream> stream_;
    std::shared_ptr<bool> alive_;  // false once destroyed: callbacks may do that

    std::string position_;  // the resourceVersion to go on from; empty: from whatever is there now
    std::uint64_t seen_ = 0;
    std::uint64_t expected_ = 0;
    http::Answer head_;  // status and headers
    std::optional<Instant> opened_;
    bool worked_ = false;    // this stream brought news, or lived long enough
    std::string buffer_;     // an unfinished line, or the body of a refusal
    std::string complaint_;  // the kind of refusal that was said last; empty: it works
    bool fresh_connection_ = false;
    GrowingPause pause_{std::chrono::milliseconds(100), std::chrono::seconds(5)};  // before the next attempt
};

}  // namespace leasehold::stores::kubernetes
