// SPDX-License-Identifier: Apache-2.0
//
// One probe over the network, as often as it is asked for: workload.ready, workload.health and workload.candidacy
// by http or tcp.
//
// Threads: the loop's. Blocking: never, but that making the first one by http loads libcurl, which belongs before
// there are other threads (election/stores/http/client.h). Ownership: the loop outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "supervisor/probe_options.h"

namespace leasehold::app {

class NetProbe {
public:
    struct Outcome {
        bool passed = false;
        std::string words;  // what came of it, for people: "status 200"
    };
    using Done = std::function<void(Outcome)>;

    virtual ~NetProbe() = default;

    // Calls back once, never from inside the call, and when the options' timeout is over at the latest.
    // REQUIRES: none is under way.
    virtual void start(Done done) = 0;

    // What is under way is dropped without a callback.
    virtual void cancel() = 0;
};

// A GET. Its status decides, whatever the body says, of which 10 KiB are read at most; what takes longer than that to
// come has timed out. Redirects are not followed; certificates are not verified, because the workload is asked, not
// trusted; names are looked up off the loop. Each probe has a connection of its own. REQUIRES: options.http.
Result<std::unique_ptr<NetProbe>> make_http_probe(EventLoop& loop, const supervisor::ProbeOptions& options);

// A connection, closed as soon as it is there. localhost is 127.0.0.1, then ::1; no name is looked up.
// REQUIRES: options.tcp.
Result<std::unique_ptr<NetProbe>> make_tcp_probe(EventLoop& loop, const supervisor::ProbeOptions& options);

// Whichever the options ask for; nothing if neither.
Result<std::unique_ptr<NetProbe>> make_net_probe(EventLoop& loop, const supervisor::ProbeOptions& options);

}  // namespace leasehold::app
