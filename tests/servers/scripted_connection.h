// SPDX-License-Identifier: Apache-2.0
//
// One connection of the scripted server: bytes in and out, plain or through TLS, until somebody ends it.
//
// Threads: end() from any, everything else from the one that serves it.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/time.h"
#include "tests/servers/scripted_server.h"

struct ssl_st;

namespace leasehold::servers {

class Connection {
public:
    Connection(int number, UniqueFd fd);

    int number() const { return number_; }

    // Why it failed, or nothing.
    std::optional<std::string> handshake(ssl_ctx_st* context);

    // The next request, without `connection`. Nothing when the connection has ended, or what came is no HTTP.
    std::optional<Request> read_request();

    // False when the connection has ended.
    bool write(std::string_view data);

    // Waits; false when the connection is to end meanwhile.
    bool pause(Duration length);

    // Waits until `fd` can be read (true), or the client has closed or the connection is to end (false).
    bool wait_for(int fd);

    // Hands all on between the client and `other`, until one of them closes.
    void pump(int other);

    void wait_for_end();    // of either side; reads nothing
    void close_properly();  // says goodbye first, if that is TLS
    void drain();           // closes our half and waits for the other, so that what was sent is not lost by a RST
    void reset();

    // Whatever it is waiting for, it does not any more.
    void end();

private:
    enum class Wish { read, write };
    bool fill();
    bool wait(Wish wish);
    bool wait_for_tls(int result);

    const int number_;
    UniqueFd fd_;
    UniqueFd end_;
    std::shared_ptr<ssl_st> tls_;
    std::string input_;  // read, not yet used
};

// Carries `reply` out; whether the connection can serve another request.
bool carry_out(const Reply& reply, const Request& request, Connection& connection);

}  // namespace leasehold::servers
