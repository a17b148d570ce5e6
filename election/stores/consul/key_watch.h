// SPDX-License-Identifier: Apache-2.0
//
// Watches one key of Consul for as long as it lives, by blocking queries (developer.hashicorp.com/consul/api-docs/
// features/blocking): each waits until the key is beyond an index, or minutes have passed, and is followed by the next.
// After any failure, when the index went back, and when a query ends early at the very index that was asked for, it
// begins anew with what stands there: when a snapshot is restored, the queries that wait are ended with the state of
// before. (One that ends early with a greater index and nothing new is usual: other keys have changed.)
//
// The queries are consistent, so that a server that was cut off refuses one instead of waiting. A server that is cut
// off while it waits says nothing; expect() finds that out.
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
#include "election/stores/consul/agent.h"
#include "election/stores/consul/messages.h"

namespace leasehold::stores::consul {

class KeyWatch {
public:
    struct Events {
        // Nothing: it is not there. True: the next question comes 25 ms later, because the servers have something to do
        // that is more urgent.
        std::function<bool(const std::optional<Entry>&)> seen;
        // Changes may have been missed; it goes on by itself. The reason is as Store::Watcher has it.
        std::function<void(std::string reason)> broken;
    };

    // `agent` outlives the watch.
    static Result<std::unique_ptr<KeyWatch>> start(EventLoop& loop, Agent& agent, std::string key, Events events);

    // The key is known to be at this ModifyIndex, or absent (0): a watch that saw something else, and hears nothing
    // of it within five seconds, is stalled, and started again over a new connection.
    void expect(std::uint64_t modify_index);

    ~KeyWatch();

private:
    KeyWatch(Agent& agent, std::string key, Events events);

    void ask();
    void ask_again(Duration cost, Duration rest);
    void opened(int status, const Headers& headers);
    void received(std::string_view data);
    void ended(const http::Answer& answer);
    void pay(Duration cost);
    bool is_expected(std::uint64_t now_at, std::uint64_t index) const;
    void take_in(std::uint64_t index, const std::optional<Entry>& entry);
    void restart(const std::string& reason, const std::string& detail);

    Agent& agent_;
    const std::string key_;
    const Events events_;
    std::unique_ptr<Timer> ask_timer_;
    std::unique_ptr<Timer> stall_timer_;
    std::unique_ptr<http::Client::Stream> stream_;
    std::shared_ptr<bool> alive_;  // false once destroyed: callbacks may do that

    std::uint64_t index_ = 0;            // beyond which is waited; 0: what stands there is asked for
    std::optional<std::uint64_t> seen_;  // the ModifyIndex, 0 for an absence
    struct Expected {
        std::uint64_t modify_index;
        std::uint64_t at_least;  // whatever is that new will do as well
    };
    std::optional<Expected> expected_;  // the stall timer runs
    bool fresh_connection_ = false;
    int status_ = 0;
    Headers headers_;
    std::string body_;
    Instant opened_at_;  // when the headers came

    Instant asked_at_;
    Instant paid_at_;
    Duration credit_;  // for asking: a request costs some, and it comes back with time
    GrowingPause pause_{std::chrono::milliseconds(50), std::chrono::seconds(5)};  // after a failure
};

}  // namespace leasehold::stores::consul
