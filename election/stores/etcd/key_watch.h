// SPDX-License-Identifier: Apache-2.0
//
// Watches one key of etcd for as long as it lives: what stands there at first, then every change. Goes on where it
// stopped after any failure, at the next member.
//
// Threads: the loop's. Never blocks. Callbacks may destroy it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/growing_pause.h"
#include "base/result.h"
#include "election/stores/etcd/cluster.h"
#include "election/stores/etcd/messages.h"

namespace leasehold::stores::etcd {

class KeyWatch {
public:
    struct Events {
        std::function<void(const WatchMessage::Change&)> changed;
        // Changes may have been missed; it goes on by itself. The reason is as Store::Watcher has it.
        std::function<void(std::string reason)> broken;
    };

    // `cluster` outlives the watch.
    static Result<std::unique_ptr<KeyWatch>> start(EventLoop& loop, Cluster& cluster, std::string key, Events events);

    // The key is known to have reached this revision: a watch that does not say so within five seconds is stalled, and
    // started again over a new connection.
    void expect(std::uint64_t mod_revision);

    ~KeyWatch();

private:
    KeyWatch(Cluster& cluster, std::string key, Events events);

    void connect();
    void look();
    void opened(int status);
    void received(std::string_view data);
    void ended(const http::Answer& answer);
    bool line(const std::string& text);  // false: the watch is over
    bool take_in(const WatchMessage& message);
    void looked(const Cluster::Reply& reply);
    bool created(const Header& header);
    void on_stall();
    void refused(const Explanation& refusal);
    void restart(const std::string& reason, const std::string& detail);

    Cluster& cluster_;
    const std::string key_;
    const Events events_;
    std::unique_ptr<Timer> retry_timer_;
    std::unique_ptr<Timer> stall_timer_;
    std::unique_ptr<http::Client::Stream> stream_;
    std::shared_ptr<bool> alive_;  // false once destroyed: callbacks may do that

    std::uint64_t position_ = 0;  // the revision up to which all is known; 0: none
    std::uint64_t seen_ = 0;      // of the key
    std::uint64_t expected_ = 0;
    int status_ = 0;
    std::optional<Instant> created_at_;  // when the server confirmed it
    std::string buffer_;                 // an unfinished line, or the body of a refusal
    bool fresh_connection_ = false;
    GrowingPause pause_{std::chrono::milliseconds(50), std::chrono::seconds(5)};  // before the next attempt
    std::string said_;  // the label of a refusal, as last told
};

}  // namespace leasehold::stores::etcd
