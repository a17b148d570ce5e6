// SPDX-License-Identifier: Apache-2.0
//
// Between the library's connections and what handlers know: a request from its header, an answer into its queue. On the
// server's thread, inside the library's callbacks.
#pragma once

#include <cstdint>

#include <microhttpd.h>

#include "metrics/http_server.h"
#include "metrics/microhttpd_library.h"

struct sockaddr;

namespace leasehold::metrics {

// REQUIRES: it was loaded, which HttpServer::start() sees to.
inline const MicrohttpdLibrary& mhd() { return **microhttpd_library(); }

constexpr const char* kAllowedMethods = "GET, HEAD, OPTIONS";

HttpRequest describe_request(MHD_Connection* connection, const char* url, const char* method);

// Whether the client announces a body, which nobody reads here.
bool announces_body(MHD_Connection* connection);

// Queues it, compressed where that is asked for and worth it. `with_body`: or its header alone.
MHD_Result send_response(MHD_Connection* connection, HttpResponse answer, bool with_body, bool allow);

// Whom connections are counted for: an IPv4 address, or the /64 of an IPv6 one, all of which one host may have.
std::uint64_t peer_of(const sockaddr* address);

}  // namespace leasehold::metrics
