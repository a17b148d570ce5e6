// SPDX-License-Identifier: Apache-2.0
#include "metrics/connection_table.h"

#include <algorithm>

namespace leasehold::metrics {

ConnectionTable::Handle ConnectionTable::add(int fd, Instant now) {
    return connections_.insert(connections_.end(), Connection{fd, Phase::request, now, false});
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

std::optional<int> ConnectionTable::end_longest() {
    const auto longest =
        std::find_if(connections_.begin(), connections_.end(), [](const Connection& c) { return !c.ending; });
    if (longest == connections_.end()) return std::nullopt;
    longest->ending = true;
    return longest->fd;
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
