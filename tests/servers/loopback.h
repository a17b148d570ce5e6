// SPDX-License-Identifier: Apache-2.0
//
// Addresses and ports on the loopback interface, for servers of the tests. What cannot be had is thrown as
// std::runtime_error; a std::system_error where the kernel said why.
#pragma once

#include <string>
#include <vector>

#include <sys/socket.h>

#include "base/fd.h"

namespace leasehold::servers {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Of a numeric IP address, version 4 or 6.
SocketAddress socket_address(const std::string& ip, int port);

// A TCP socket that does not block, bound to this address; port 0 takes a free one. Not listening yet.
UniqueFd bound_socket(const std::string& ip, int port);

// The port that such a socket is bound to.
int port_of(const UniqueFd& socket);

// "127.0.0.1:PORT" of each, behind this scheme.
std::vector<std::string> addresses(const std::vector<int>& ports, const std::string& scheme = "");

// A free port that stays ours while this object lives: bound, but not listened on, by a socket of our own. A server
// that sets SO_REUSEADDR, as everything written in Go does, can listen on it, stop, and find it free again, while the
// kernel gives it to nobody else.
class ReservedPort {
public:
    explicit ReservedPort(const std::string& ip = "127.0.0.1", int wanted = 0);  // 0: any
    int number() const { return number_; }

private:
    UniqueFd socket_;
    int number_ = 0;
};

}  // namespace leasehold::servers
