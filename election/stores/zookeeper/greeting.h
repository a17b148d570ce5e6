// SPDX-License-Identifier: Apache-2.0
//
// Who answers at a server's address, before a session is made there. ZooKeeper's client does not say why it cannot
// connect, and tries for ever; this finds a name's addresses, connects, and asks with the four letters "srvr" (on by
// default since 3.5; one that must not answer says that, which will do).
//
// Threads: any. Blocking: yes, for the lookup of a name as long as that takes, otherwise as long as it is told.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"

namespace leasehold::stores::zookeeper {

// Why a server is of no use. `label` is a metric's: "resolve", "connect", "timeout", "unavailable" (no quorum),
// "not_zookeeper", "another_cluster" (it runs alone), "connection_lost", "unauthorized", "reconnecting".
struct Problem {
    std::string label;
    std::string detail;  // for people; names the server

    friend bool operator==(const Problem&, const Problem&) = default;
};

struct Greeting {
    std::string address;  // "127.0.0.1:2181", "::1:2181": as the client wants it; empty: see the problem
    Problem problem;
};

// `server`: "host:port", "[::1]:2181". `patience` is for all that comes after the lookup; every address of a name gets
// its part of what is left, and the first that serves is taken. `one_of_several`: other servers are configured as well,
// so that one that runs without any others is not believed: it has the same data, and writes without their knowledge.
Greeting greet(const std::string& server, Duration patience, bool one_of_several);

// What is wrong with an answer to "srvr"; no label: nothing. Pure.
Problem judge(const std::string& server, const std::string& answer, bool one_of_several);

}  // namespace leasehold::stores::zookeeper
