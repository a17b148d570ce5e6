// SPDX-License-Identifier: Apache-2.0
//
// Serves GET, HEAD and OPTIONS over HTTP/1.1 on listening sockets that someone else opened, from the event loop.
//
// Threads: none of its own; constructor, destructor and handler belong to the loop's thread, and the handler must not
// destroy the server. Blocking: never. SIGPIPE is never raised. An idle server asks nothing of the CPU.
//
// A client that sends nothing or a byte a second costs one connection for a while and delays nobody: the number of
// connections, the size of a request's header, and the time that a request, an answer and idleness may take are
// limited. A newcomer that finds all connections taken is let in at the cost of the one that made no progress for the
// longest time, so that a probe is answered however many clients stall.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace leasehold::metrics {

struct HttpRequest {
    std::string method;    // GET, HEAD or OPTIONS; the server answers all others. HEAD and OPTIONS get no body.
    std::string path;      // without the query
    bool verbose = false;  // ?verbose was given
    std::string accept;    // the Accept header, empty when missing
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

struct HttpLimits {
    unsigned connections = 256;                         // of all listeners together
    std::size_t connection_memory = 16 * 1024;          // bytes for a connection's header and buffers
    Duration request_time = std::chrono::seconds(10);   // from connecting to the end of the first request's header
    Duration response_time = std::chrono::seconds(10);  // for the client to take an answer
    Duration idle_time = std::chrono::seconds(90);      // from one answer to the end of the next request's header
};

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

    // Takes the listening sockets over. The loop must outlive the server.
    static Result<std::unique_ptr<HttpServer>> start(EventLoop& loop, std::vector<UniqueFd> listeners, Handler handler,
                                                     HttpLimits limits = {});
    virtual ~HttpServer() = default;
};

}  // namespace leasehold::metrics
