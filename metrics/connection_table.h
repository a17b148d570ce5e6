// SPDX-License-Identifier: Apache-2.0
//
// Which connections there are, what each is waiting for since when, and which one has to go: the bookkeeping behind the
// server's limits. Plain: no sockets, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "base/time.h"

namespace leasehold::metrics {

class ConnectionTable {
public:
    enum class Phase {
        request,   // connected, the first request is not complete
        response,  // the answer is not sent
        idle,      // kept alive: the next request is not complete
    };

    struct Connection {
        int fd = -1;
        Phase phase = Phase::request;
        Instant since;        // when the phase began
        bool ending = false;  // it was told to go, and counts no more
        std::uint64_t peer = 0;
    };
    using Handle = std::list<Connection>::iterator;

    struct Times {
        Duration request;
        Duration response;
        Duration idle;
    };
    explicit ConnectionTable(const Times& times) : times_(times) {}

    // `peer`: whom it is counted for.
    Handle add(int fd, Instant now, std::uint64_t peer = 0);
    void enter(Handle connection, Phase phase, Instant now);
    void remove(Handle connection) { connections_.erase(connection); }
    std::size_t size() const { return connections_.size(); }

    // Marks those whose phase lasts too long as ending and returns their descriptors.
    std::vector<int> end_overdue(Instant now);

    std::size_t count_of(std::uint64_t peer) const;  // without those that are ending, as below
    std::size_t count_without_request() const;

    // Each marks the one whose phase began first as ending and returns its descriptor; nothing when none is left: of
    // the peer that has the most; of this peer; of those in the phase `request`.
    std::optional<int> end_longest();
    std::optional<int> end_longest_of(std::uint64_t peer);
    std::optional<int> end_longest_without_request();

    // How long until end_overdue() has something to do; nothing while there is no connection.
    std::optional<Duration> next_overdue(Instant now) const;

private:
    Duration limit(Phase phase) const;
    template <class Which>
    std::optional<int> end_first(Which which);

    Times times_;
    std::list<Connection> connections_;  // by `since`, longest first
};

}  // namespace leasehold::metrics
