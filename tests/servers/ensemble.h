// SPDX-License-Identifier: Apache-2.0
//
// A real cluster of servers that together are one store, seen by tests that do not care which: its members can be
// killed, and the record that candidates contend for can be looked at and replaced past everything that is tested.
//
// Threads: for the thread that made it; the servers die with that thread. Functions block until what they do is done.
// What cannot be done is thrown as std::runtime_error with the end of a server's log.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace leasehold::servers {

class Ensemble {
public:
    virtual ~Ensemble() = default;

    // The members that vote. Killing more than half of them takes the majority away.
    virtual int size() const = 0;
    virtual int leader() = 0;            // -1: there is none
    virtual void kill(int member) = 0;   // SIGKILL
    virtual void start(int member) = 0;  // on the same ports, with the data that it had; does nothing if it runs
    virtual void pause(int member) = 0;  // SIGSTOP
    virtual void resume(int member) = 0;
    virtual void await_ready() = 0;  // until a consistent read of the whole ensemble succeeds

    // Where clients connect to, on 127.0.0.1. One for each member, or one for all: an agent that is none of them.
    virtual std::vector<int> client_ports() const = 0;

    // What stands in election.store of a candidate's configuration, on one line, to get there by these ports instead,
    // which are relays in the order of client_ports().
    virtual std::string store_option(const std::vector<int>& ports) const = 0;

    // What a standby's watch sends for each change that it hears of, at most, in bytes.
    virtual std::size_t bytes_per_change() const { return 0; }

    // The text in the place where the election `name` has its record with store_option(). Empty: nothing is there.
    // While the servers cannot answer, they are asked again for as long as a test may take.
    virtual std::optional<std::string> text(const std::string& name) = 0;
    virtual void put(const std::string& name, const std::string& text) = 0;
    virtual void remove(const std::string& name) = 0;
};

// By the name that it has in election.store: "etcd".
struct EnsembleKind {
    std::string name;
    std::string unavailable;  // why it cannot be started here; empty: it can
    std::unique_ptr<Ensemble> (*start)();
};

// Of a class that is one.
template <class Cluster>
EnsembleKind ensemble_kind() {
    return {
        .name = Cluster::kName,
        .unavailable = Cluster::available() ? "" : Cluster::unavailable_message(),
        .start = []() -> std::unique_ptr<Ensemble> { return std::make_unique<Cluster>(typename Cluster::Options{}); }};
}

// Starts it, and has it write for a while: servers that have just begun are slower than any that somebody runs; a Java
// machine still interprets its program.
std::unique_ptr<Ensemble> start_warm(const EnsembleKind& kind);

// All that there are, in the order in which they are documented.
std::vector<EnsembleKind> ensemble_kinds();

}  // namespace leasehold::servers
