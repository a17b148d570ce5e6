// SPDX-License-Identifier: Apache-2.0
//
// Serves GET, HEAD and OPTIONS over HTTP/1.1 on listening sockets that someone else opened, from the event loop.
//
// Threads: none of its own; handler and constructor run on the loop's thread. Blocking: never; a client that sends
// nothing or a byte a second costs one connection slot and delays nobody. Bounds: connections, header size and time are
// limited. SIGPIPE must be ignored in the process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"

namespace leasehold::metrics {

struct HttpRequest {
    std::string method;    // GET or HEAD; everything else is answered by the server
    std::string path;      // without the query
    bool verbose = false;  // ?verbose was given
    std::string accept;    // the Accept header, empty when missing
};

struct HttpResponse {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

// Opens listening sockets for addresses as in HttpOptions::listen; all or none. Errors name the address and say what to
// do.
Result<std::vector<UniqueFd>> open_listeners(const std::vector<std::string>& addresses);

class HttpServer {
public:
    using Handler = std::function<HttpResponse(const HttpRequest&)>;

    // Takes the listening sockets over. The loop must outlive the server.
    static Result<std::unique_ptr<HttpServer>> start(EventLoop& loop, std::vector<UniqueFd> listeners, Handler handler);
    virtual ~HttpServer() = default;
};

}  // namespace leasehold::metrics
