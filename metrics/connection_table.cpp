// SPDX-License-Identifier: Apache-2.0
#include "metrics/connection_table.h"

#include <algorithm>
#include <map>

namespace leasehold::metrics {

ConnectionTable::Handle ConnectionTable::add(int fd, Instant now, std::uint64_t peer) {
    return connections_.insert(connections_.end(), Connection{fd, Phase::request, now, false, peer});
}

void ConnectionTable::enter(Handle connection, Phase phase, Instant now) {
    connection->phase = phase;
    connection->since = now;
    connections_.splice(connections_.end(), connections_, connection);
}

std::vector<int> ConnectionTable::end_overdue(Instant now) {
    std::vector<int> overdue;
    for (Connection& connection : connections_) {
        if (connection.ending || elapsed_at_most(connection.since, now) < limit(connection.phase)) continue;
        connection.ending = true;
        overdue.push_back(connection.fd);
    }
    return overdue;
}

std::size_t ConnectionTable::count_of(std::uint64_t peer) const {
    return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                  [&](const Connection& c) { return !c.ending && c.peer == peer; }));
}

std::size_t ConnectionTable::count_without_request() const {
    return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), [](const Connection& c) {
        return !c.ending && c.phase == Phase::request;
    }));
}

template <class Which>
std::optional<int> ConnectionTable::end_first(Which which) {
    const auto first = std::find_if(connections_.begin(), connections_.end(),
                                    [&](const Connection& c) { return !c.ending && which(c); });
    if (first == connections_.end()) return std::nullopt;
    first->ending = true;
    return first->fd;
}

// Whoever has many cannot push out those who have few.
std::optional<int> ConnectionTable::end_longest() {
    std::map<std::uint64_t, std::size_t> counts;
    std::size_t most = 0;
    for (const Connection& connection : connections_) {
        if (!connection.ending) most = std::max(most, ++counts[connection.peer]);
    }
    return end_first([&](const Connection& c) { return counts[c.peer] == most; });
}

std::optional<int> ConnectionTable::end_longest_of(std::uint64_t peer) {
    return end_first([&](const Connection& c) { return c.peer == peer; });
}

std::optional<int> ConnectionTable::end_longest_without_request() {
    return end_first([](const Connection& c) { return c.phase == Phase::request; });
}

std::optional<Duration> ConnectionTable::next_overdue(Instant now) const {
    std::optional<Duration> next;
    for (const Connection& connection : connections_) {
        if (connection.ending) continue;
        const Duration left = limit(connection.phase) - elapsed_at_most(connection.since, now);
        next = std::min(next.value_or(left), left);
    }
    return next;
}

Duration ConnectionTable::limit(Phase phase) const {
    switch (phase) {
        case Phase::request: return times_.request;
        case Phase::response: return times_.response;
        case Phase::idle: return times_.idle;
    }
    return times_.request;
}

}  // namespace leasehold::metrics
