// SPDX-License-Identifier: Apache-2.0
//
// Serves GET, HEAD and OPTIONS over HTTP/1.1 on listening sockets that someone else opened, from the event loop.
//
// Threads: none of its own; constructor, destructor and handler belong to the loop's thread, and the handler must not
// destroy the server. Blocking: never. SIGPIPE is never raised. An idle server asks nothing of the CPU.
//
// A client that sends nothing or a byte a second costs one connection for a while and delays nobody: the number of
// connections, the size of a request's header, and the time that a request, an answer and idleness may take are
// limited, and requests with a body are refused. A newcomer that finds all connections taken, in all or for its
// address, is let in at the cost of the one that made no progress for the longest time (of that address, or of the one
// that has the most), so that a probe is answered however many clients stall.
//
// With TLS (1.2 and 1.3), a handshake costs this thread about a millisecond: only few may be under way at a time, so
// that what they cost in one turn of the loop stays below what a deadline would notice.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace leasehold::metrics {

struct HttpRequest {
    std::string method;           // GET, HEAD or OPTIONS; the server answers all others. HEAD and OPTIONS get no body.
    std::string path;             // without the query
    bool verbose = false;         // ?verbose was given
    std::string accept{};         // the Accept header, empty when missing
    std::string authorization{};  // the same
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body{};                         // from 1000 bytes on compressed by gzip for clients that ask for it
    std::string policy = "default-src 'none'";  // Content-Security-Policy
    std::string vary{};                         // the headers of the request that it depends on, but Accept-Encoding
    std::string challenge{};                    // WWW-Authenticate
};

struct HttpLimits {
    unsigned connections = 256;                         // of all listeners together
    unsigned connections_of_a_peer = 64;                // of one IPv4 address, or one IPv6 network of 64 bits
    unsigned handshakes = 16;                           // with TLS: connections whose first request is not complete
    std::size_t connection_memory = 16 * 1024;          // bytes for a connection's header and buffers
    Duration request_time = std::chrono::seconds(10);   // from connecting to the end of the first request's header
    Duration response_time = std::chrono::seconds(10);  // for the client to take an answer
    Duration idle_time = std::chrono::seconds(90);      // from one answer to the end of the next request's header
};

// PEM texts: what the server shows, with what it was signed by, and its private key.
struct TlsIdentity {
    std::string certificates;
    std::string key;
};

// Whether they belong together, as far as the library that serves can tell. Blocking: some milliseconds.
Result<void> try_tls_identity(const TlsIdentity& identity);

// Opens listening sockets (close-on-exec, non-blocking), one for each address, all or none: "127.0.0.1:9090",
// "[::1]:9090", "localhost:9090" (127.0.0.1), port 0 for any free one; "0.0.0.0:9090" for every IPv4 address, ":9090",
// "*:9090" and "[::]:9090" for every address of both families, or for IPv6 only when the list has an IPv4 address with
// the same port. Other host names are refused: looking them up would block. Errors name the address and say what to do.
Result<std::vector<UniqueFd>> open_listeners(const std::vector<std::string>& addresses);

// Where a socket is bound, "127.0.0.1:41234" or "[::1]:41234"; empty when it is not an IP socket.
std::string local_address(int fd);

class HttpServer {
public:
    using Handler = std::function<HttpResponse(const HttpRequest&)>;

    // An identity, unless there is no other one than at the last call. Called at the start, and then when somebody
    // connects, at most once a second. Until there is a usable one connections are closed at once.
    using TlsSource = std::function<std::optional<TlsIdentity>()>;

    // Takes the listening sockets over. The loop must outlive the server. Without `tls` it speaks plain HTTP.
    static Result<std::unique_ptr<HttpServer>> start(EventLoop& loop, std::vector<UniqueFd> listeners, Handler handler,
                                                     HttpLimits limits = {}, TlsSource tls = {});
    virtual ~HttpServer() = default;
};

}  // namespace leasehold::metrics
