// SPDX-License-Identifier: Apache-2.0
//
// A versioned register somewhere: the one small interface that every store implements.
//
// Threads: all calls and all callbacks belong to the thread of the event loop that the store was made with. A store may
// use threads of its own inside. Blocking: no call blocks; a store never waits on the calling thread for a disk or a
// network. Ownership: the loop outlives the store. Destroying a store drops outstanding callbacks and does not wait for
// its server.
//
// Deadlines: every call calls back exactly once, within its timeout whatever the server does, never from inside the
// call itself. A write that ran into its timeout is reported `unknown`; what the server says later is dropped. The
// request after a timeout does not reuse what the timed-out one is stuck on (a connection, a thread).
#pragma once

#include <functional>
#include <string>

#include "base/time.h"
#include "election/core/register.h"

namespace leasehold::stores {

struct WriteRequest {
    bool expect_absent = false;  // create; otherwise the register must be at `expected`. A number there that is not 0
                                 // means this very absence (Snapshot::version)
    election::Version expected;
    election::Record record;
};

class Store {
public:
    using ReadCallback = std::function<void(election::ReadOutcome)>;
    using WriteCallback = std::function<void(election::WriteOutcome)>;

    struct Watcher {
        std::function<void(election::Snapshot)> seen;  // a state of the register: possibly stale or repeated
        // Changes may have been missed; the store goes on by itself. The reason is one word, "stalled", or a word and
        // what to tell people, "forbidden: ...".
        std::function<void(std::string reason)> broken;
    };

    virtual ~Store() = default;

    // A consistent read: it sees every write that was acknowledged before the call.
    virtual void read(Duration timeout, ReadCallback done) = 0;

    // Compare-and-swap. `applied` is reported only once the write is as durable as the store makes it.
    virtual void write(WriteRequest request, Duration timeout, WriteCallback done) = 0;

    // Watches from now on until the store is destroyed; called once. Reports changes soon after they happen, and
    // re-arms by itself after any failure.
    virtual void watch(Watcher watcher) = 0;

    // For logs and errors: "file /var/lib/leasehold/billing.lease".
    virtual std::string describe() const = 0;
};

}  // namespace leasehold::stores
