// SPDX-License-Identifier: Apache-2.0
//
// Watches one object of the API for as long as it lives: goes on where it stopped after any failure, and asks for
// bookmarks so that it can (kubernetes.io: "Efficient detection of changes", "Watch bookmarks").
//
// It asks only for the one object (fieldSelector metadata.name), which a Role that names it allows.
//
// Threads: the loop's. Never blocks. Callbacks may destroy it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/event_loop.h"
#include "base/result.h"
#include "election/stores/kubernetes/api.h"

namespace leasehold::stores::kubernetes {

class ObjectWatch {
public:
    struct Events {
        std::function<void(const nlohmann::json& object)> changed;  // added or modified
        std::function<void()> deleted;
        std::function<void(std::string reason)> broken;  // changes may have been missed; it goes on by itself
    };

    // `collection` is the path of all objects of the kind in the namespace. `api` outlives the watch.
    static Result<std::unique_ptr<ObjectWatch>> start(EventLoop& loop, Api& api, std::string collection,
                                                      std::string name, Events events);

    // The object is known to have reached this version: a watch that does not say so within five seconds is stalled,
    // and started again over a new connection.
    void expect(std::uint64_t version);

    ~ObjectWatch();

private:
    ObjectWatch(EventLoop& loop, Api& api, std::string collection, std::string name, Events events);

    void connect();
    void opened(int status);
    void received(std::string_view data);
    void ended(const http::Answer& answer);
    bool line(std::string_view text);  // false: the watch is over
    bool error_event(const nlohmann::json& status);
    void restart(const std::string& reason, bool fresh_connection);
    std::string target() const;

    EventLoop& loop_;
    Api& api_;
    std::string collection_;
    std::string name_;
    Events events_;
    std::unique_ptr<Timer> retry_timer_;
    std::unique_ptr<Timer> stall_timer_;
    std::unique_ptr<http::Client::Stream> stream_;
    std::shared_ptr<bool> alive_;  // false once destroyed: callbacks may do that

    std::string position_;  // the resourceVersion to go on from; empty: from whatever is there now
    std::uint64_t seen_ = 0;
    std::uint64_t expected_ = 0;
    int status_ = 0;
    std::string buffer_;  // an unfinished line, or the body of a refusal
    bool fresh_connection_ = false;
    Duration pause_{};  // before the next attempt; grows
};

}  // namespace leasehold::stores::kubernetes
