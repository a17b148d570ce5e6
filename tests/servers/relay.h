// SPDX-License-Identifier: Apache-2.0
//
// A TCP relay in front of a server, which plays what a network does to connections.
//
// Threads: a thread of its own moves the bytes; the functions here may be called by any one other thread, and have
// taken effect when they return. What cannot be done is thrown as std::runtime_error.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "tests/servers/loopback.h"

namespace leasehold::servers {

class Relay {
public:
    // What is held back is passed on later, if a mode that permits it comes while the connection still stands.
    enum class Mode {
        pass,
        black_hole,  // connections are accepted, nothing is read, from neither side; not even that one side has closed
        one_way,     // requests pass, answers do not
        drip,        // requests pass, answers come a few bytes at a time
        refuse,      // nobody listens, as if the server were not running; existing connections are reset
    };

    struct Options {
        std::string listen = "127.0.0.1";  // or "::1"
        int port = 0;                      // to listen on; 0: a free one
        std::string server = "127.0.0.1";
        int server_port = 0;
        std::size_t drip_bytes = 1;
        std::chrono::milliseconds drip_every{50};
    };

    struct Counts {  // since the relay was made
        std::uint64_t connections = 0;
        std::uint64_t bytes_to_server = 0;
        std::uint64_t bytes_to_client = 0;
    };

    explicit Relay(Options options);
    ~Relay();  // resets all connections
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    int port() const { return port_.number(); }  // stays the same in all modes

    // For existing connections and new ones. Begins with Mode::pass.
    void set(Mode mode);

    // Resets all existing connections, towards both sides; new ones are treated as the mode says.
    void cut();

    Counts counts() const;
    std::size_t open_connections();

private:
    class Worker;

    // Runs it in the relay's thread, and returns when it has.
    void in_worker(const std::function<void(Worker&)>& task);

    Options options_;
    ReservedPort port_;
    std::atomic<std::uint64_t> connections_{0};
    std::atomic<std::uint64_t> bytes_to_server_{0};
    std::atomic<std::uint64_t> bytes_to_client_{0};
    std::unique_ptr<Worker> worker_;
    std::thread thread_;
};

}  // namespace leasehold::servers
