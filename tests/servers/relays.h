// SPDX-License-Identifier: Apache-2.0
//
// One client's ways to an ensemble: a relay in front of each of the ports that clients connect to.
#pragma once

#include <memory>
#include <vector>

#include "tests/servers/relay.h"

namespace leasehold::servers {

class Relays {
public:
    explicit Relays(const std::vector<int>& server_ports) {
        for (const int port : server_ports) {
            relays_.push_back(std::make_unique<Relay>(Relay::Options{.server_port = port}));
        }
    }

    std::size_t size() const { return relays_.size(); }
    Relay& operator[](std::size_t way) { return *relays_[way]; }
    std::vector<int> ports() const {
        std::vector<int> ports;
        for (const auto& relay : relays_) ports.push_back(relay->port());
        return ports;
    }
    void set(Relay::Mode mode) {
        for (auto& relay : relays_) relay->set(mode);
    }
    // As it was at first, but for the connections.
    void repair() {
        for (auto& relay : relays_) {
            relay->cut();
            relay->set(Relay::Mode::pass);
        }
    }

private:
    std::vector<std::unique_ptr<Relay>> relays_;
};

}  // namespace leasehold::servers
