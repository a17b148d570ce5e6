// SPDX-License-Identifier: Apache-2.0
//
// The way to one agent of Consul: its address, and the files with which it is asked, which are read again when they
// have changed.
//
// Threads: the loop's. Blocking: reads small local files when they have changed. Ownership: the loop outlives it;
// destroying it drops what is under way, without a callback. A callback may destroy it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/time.h"
#include "election/stores/consul/options.h"
#include "election/stores/http/client.h"
#include "election/stores/peer_files.h"

namespace leasehold::stores::consul {

class Agent {
public:
    // Fails when a file that the options name cannot be used, or libcurl is not there.
    static Result<std::unique_ptr<Agent>> create(EventLoop& loop, ConsulOptions options);

    // Calls back exactly once, within `timeout`, never from inside the call. After one that ran into its timeout the
    // next one is made over a new connection. With a body it is a PUT. Targets have a query already.
    void send(const std::string& target, const std::string& body, Duration timeout, http::Client::Done done);

    // A request that may be given up. Takes a connection of its own for as long as it lasts.
    std::unique_ptr<http::Client::Stream> stream(const std::string& target, Duration open_timeout,
                                                 bool fresh_connection, http::Client::StreamEvents events);

    const std::string& address() const { return options_.address; }

private:
    explicit Agent(ConsulOptions options) : options_(std::move(options)) {}
    Result<void> open(EventLoop& loop);
    void use_current_files();
    http::Request request_for(const std::string& target, const std::string& body) const;

    const ConsulOptions options_;
    PeerFiles files_{"election.store.consul"};
    std::unique_ptr<http::Client> client_;
};

}  // namespace leasehold::stores::consul
