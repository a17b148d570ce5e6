// SPDX-License-Identifier: Apache-2.0
//
// HTTP/1.1 over libcurl's multi interface on our event loop: the only user of libcurl. Requests with one hard deadline
// each, and streams that deliver as they come.
//
// Threads: all calls and callbacks belong to the loop's thread (libcurl looks up names in a thread of its own). The
// first client of a process is created before other threads are, because it loads and sets up libcurl.
// Blocking: never, but for that loading. Ownership: the loop outlives the client and its streams; destroying the client
// drops everything under way, without a callback. A callback may start requests, and may destroy the client.
//
// Several addresses of one name: an attempt to connect has lost its turn after half of what is left until the deadline
// if there is a further address. An address that runs into the deadline is tried last from then on, for as long as
// another one answers.
//
// Never done: following redirects, cookies, authentication by itself, obeying http_proxy and the like unless asked to,
// signals, repeating a request that may have reached the server (Failure::unanswered; libcurl by itself sends a request
// again when a kept connection turns out to be dead: curl/lib/transfer.c, Curl_retry_request; a write must not be).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/time.h"

namespace leasehold::stores::http {

// Whom to talk to, and how to be sure of it. All certificates and keys are PEM texts, not file names.
struct Peer {
    std::string base_url;         // "https://[::1]:6443", with a path before all requests' paths if need be
    std::string ca_pem;           // trust these only; empty: what the system trusts
    std::string certificate_pem;  // of the client; empty: none
    std::string key_pem;
    bool verify = true;       // false: any certificate will do
    std::string server_name;  // that the certificate must be for, and SNI; empty: the host of the URL
    std::string proxy_url;    // empty: none
    bool proxy_from_environment = false;

    friend bool operator==(const Peer&, const Peer&) = default;
};

struct Request {
    std::string method = "GET";
    std::string target;                // "/path?query", appended to the base URL
    std::vector<std::string> headers;  // "Name: value"
    std::string body;
    std::size_t body_limit = 4 << 20;  // of the answer, in bytes; streams have none
    Duration connect_timeout{};  // until a new connection is there, TLS and all; zero: as long as the answer may take
    // Not on a kept connection, and the name is looked up anew.
    bool fresh_connection = false;
};

enum class Failure {
    none,        // there is a whole answer, whatever its status
    timeout,     // the deadline came; `sent` says whether the server may have seen the request
    resolve,     // the name cannot be looked up
    connect,     // refused, unreachable
    tls,         // certificate refused, handshake failed
    unanswered,  // the connection ended without a whole answer
    too_large,   // the answer is larger than body_limit
    malformed,   // not HTTP
};

// A metric label: "timeout", "resolve", "connect", "tls", "reset", "too_large", "malformed".
const char* label_of(Failure failure);

struct Answer {
    Failure failure = Failure::none;
    bool sent = false;   // some of the request left: the server may have acted upon it
    std::string detail;  // of a failure, for people, with the address that was tried if known
    int status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;                            // may be partial after a failure
};

class Client {
public:
    using Done = std::function<void(Answer)>;

    // Fails when libcurl is not installed, or the peer makes no sense.
    static Result<std::unique_ptr<Client>> create(EventLoop& loop, Peer peer);
    virtual ~Client() = default;

    // For requests from now on. Kept connections of another peer are not used any more. With a peer that makes no sense
    // each request fails, and says why.
    virtual void set_peer(Peer peer) = 0;

    // For requests from now on: no connection of before, and the name is looked up anew. For after a timeout, when all
    // that are kept may be as dead as the one that it happened on. What is under way goes on.
    virtual void drop_connections() = 0;

    // Calls back exactly once, within `timeout` (at once, but never from inside the call, when that is not positive).
    virtual void send(Request request, Duration timeout, Done done) = 0;

    // A stream: an answer that goes on. Ends when the object is destroyed, without a callback then.
    class Stream {
    public:
        virtual ~Stream() = default;
    };
    struct StreamEvents {
        std::function<void(int status, const std::map<std::string, std::string>& headers)> opened;
        std::function<void(std::string_view data)> data;
        std::function<void(Answer)> ended;  // once; its body is empty. The stream may be destroyed from inside
    };
    // `open_timeout`: until the headers are there. `idle_timeout`: the longest without a byte after that; zero: none.
    virtual std::unique_ptr<Stream> stream(Request request, Duration open_timeout, Duration idle_timeout,
                                           StreamEvents events) = 0;
};

}  // namespace leasehold::stores::http
