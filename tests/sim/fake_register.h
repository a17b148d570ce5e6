// SPDX-License-Identifier: Apache-2.0
//
// A store that can do everything a store must and nothing it must not, behind a network that can do anything: requests
// and answers take their time, overtake each other, get lost, arrive twice or much later than anyone waits for them;
// watches stall, break, repeat themselves. What is written is never wrong: reads are consistent (unless stale reads are
// switched on for a candidate), compare-and-swap is exact.
//
// Operators may do what they like to the record, within what any candidate could possibly tell; where that ends is said
// at each of them, and whoever injects the faults (faults.cpp) keeps to it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "election/core/events.h"
#include "election/core/register.h"
#include "tests/sim/context.h"

namespace leasehold::sim {

// What is wrong between one candidate and the store.
struct Link {
    bool requests_cut = false;
    bool answers_cut = false;
    bool refused = false;        // an error at once instead of silence
    bool watch_stalled = false;  // open, but nothing comes
    bool stale_reads = false;
    double lost = 0;        // each request and each answer
    double duplicated = 0;  // each request
    double lingering = 0;   // each request: arrives up to three leases later
    double failing = 0;     // each request: an error of the store's, nothing done
    Duration slowness{};    // added to each way, at most

    friend bool operator==(const Link&, const Link&) = default;
};

class FakeRegister {
public:
    using ReadCallback = std::function<void(election::ReadOutcome)>;
    using WriteCallback = std::function<void(election::WriteOutcome)>;
    struct Watcher {
        std::function<void(election::Snapshot)> seen;
        std::function<void(std::string reason)> broken;
    };
    struct Applied {
        int client;
        TrueTime sent;
        const election::DoWrite& write;
        const election::Snapshot& before;
        const election::Snapshot& after;
    };

    FakeRegister(Context& context, std::function<void(const Applied&)> on_applied);

    struct Received {  // from one client since the beginning, whatever became of it
        std::uint64_t reads = 0;
        std::uint64_t writes = 0;
        std::uint64_t conflicts = 0;  // of these writes, refused for their version
    };
    const Received& received(int client) const { return clients_[slot(client)].received; }

    // Callbacks may never come, or come late; never from inside the call.
    void read(int client, ReadCallback done);
    void write(int client, const election::DoWrite& write, WriteCallback done);
    void watch(int client, Watcher watcher);
    void unwatch(int client);

    // ---- faults of the network
    const Link& link(int client) const { return clients_[slot(client)].link; }
    void set_link(int client, const Link& link);
    void set_outage(bool down);
    void break_watch(int client, const std::string& reason);
    void replay_watch(int client);    // an old state again
    void drop_requests() { ++era_; }  // everything that is under way

    // ---- operators
    const election::Snapshot& current() const { return current_; }
    const std::deque<election::Snapshot>& history() const { return history_; }  // oldest first, the current one last
    // Whoever believes that there is no record, and has not seen the one that is deleted now, cannot tell that it ever
    // was. Creations under way are dropped for the same reason: they would be applied as if nothing had been between.
    void remove();
    // A new version with this content.
    void put(election::Presence presence, const election::Record& record, const std::string& problem);
    // A restored backup; stores are stopped for that, so everything under way is lost. Counted numbering: whoever has
    // last seen exactly this state, or nothing newer, cannot tell that there was something newer; and nobody can if the
    // state was a released one.
    void restore(election::Snapshot old);

private:
    struct Client {
        Link link;
        Watcher watcher;
        std::uint64_t watching = 0;  // which watch; a broken one's events are lost
        bool open = false;
        TrueTime last_event{};
        Received received;
    };

    static std::size_t slot(int client) { return static_cast<std::size_t>(client); }
    Duration latency(const Client& client);
    bool request_passes(const Client& client);
    bool answer_passes(const Client& client);
    bool refuses(const Client& client) const { return client.link.refused || (down_ && refuses_when_down_); }
    void arrive(int client, TrueTime sent, const election::DoWrite& write, const WriteCallback& done, bool answered);
    election::WriteOutcome apply(int client, TrueTime sent, const election::DoWrite& write);
    bool matches(const election::DoWrite& write) const;
    void install(election::Snapshot state);
    void announce(int client, const election::Snapshot& state);
    void open_watch(int client, std::uint64_t watching);

    Context& context_;
    std::function<void(const Applied&)> on_applied_;
    std::vector<Client> clients_;
    election::Snapshot current_;
    std::deque<election::Snapshot> history_;
    std::uint64_t highest_ = 0;  // the number of the last write; goes back when counted and restored
    std::uint64_t writes_ = 0;   // never goes back
    std::uint64_t era_ = 0;
    std::uint64_t creations_ = 0;  // creations from before the last deletion are dropped
    bool down_ = false;
    bool refuses_when_down_ = false;
};

}  // namespace leasehold::sim
