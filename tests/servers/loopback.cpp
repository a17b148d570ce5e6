// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/loopback.h"

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace leasehold::servers {

SocketAddress socket_address(const std::string& ip, int port) {
    SocketAddress address;
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (inet_pton(AF_INET, ip.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(static_cast<in_port_t>(port));
        address.length = sizeof *v4;
    } else if (inet_pton(AF_INET6, ip.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(static_cast<in_port_t>(port));
        address.length = sizeof *v6;
    } else {
        throw std::runtime_error(ip + " is no IP address");
    }
    return address;
}

UniqueFd bound_socket(const std::string& ip, int port) {
    const SocketAddress address = socket_address(ip, port);
    UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd.get(), address.get(), address.length) != 0) {
        throw std::system_error(errno, std::generic_category(), "binding a socket to " + ip);
    }
    return fd;
}

int port_of(const UniqueFd& socket) {
    SocketAddress address;
    address.length = sizeof address.storage;
    if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
        throw std::system_error(errno, std::generic_category(), "getsockname");
    }
    // The port stands at the same place in the addresses of both versions.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

std::vector<std::string> addresses(const std::vector<int>& ports, const std::string& scheme) {
    std::vector<std::string> all;
    for (const int port : ports) all.push_back(scheme + "127.0.0.1:" + std::to_string(port));
    return all;
}

ReservedPort::ReservedPort(const std::string& ip, int wanted)
    : socket_(bound_socket(ip, wanted)), number_(port_of(socket_)) {}

}  // namespace leasehold::servers
