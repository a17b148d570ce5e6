// SPDX-License-Identifier: Apache-2.0
//
// Listening sockets: from the addresses of the configuration to descriptors.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "metrics/http_server.h"

namespace leasehold::metrics {
namespace {

struct Address {
    std::string text;  // as configured
    sockaddr_storage socket{};
    socklen_t length = 0;
    bool all_families = false;  // no host was given: IPv6 and IPv4, or what there is of them

    bool same_as(const Address& other) const {
        return length == other.length && std::memcmp(&socket, &other.socket, length) == 0;
    }
    int family() const { return socket.ss_family; }
    unsigned port() const {
        if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(socket).sin_port);
        return ntohs(reinterpret_cast<const sockaddr_in6&>(socket).sin6_port);
    }
};

std::string prefix(const std::string& address) { return "http.listen: " + address + ": "; }

// "host:port", "[v6]:port" or ":port" in two parts; nothing when it is none of these.
std::optional<std::pair<std::string, std::string>> split(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        if (host.find(':') == std::string::npos) return std::nullopt;
    } else if (host.find_first_of(":[]") != std::string::npos) {
        return std::nullopt;
    }
    return std::pair{host, text.substr(colon + 1)};
}

bool is_port(const std::string& text) {
    const bool digits = !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string::npos;
    return digits && std::stoi(text) <= 65535;
}

Result<Address> parse(const std::string& text) {
    const auto parts = split(text);
    if (!parts) {
        return failure(prefix(text) + "is not an address; write host:port, such as 0.0.0.0:9090 or [::]:9090");
    }
    const auto& [host, port] = *parts;
    if (!is_port(port))
        return failure(prefix(text) + "has no valid port; write a number from 0 to 65535 after the colon");

    Address address;
    address.text = text;
    address.all_families = host.empty() || host == "*";
    const std::string numeric = address.all_families ? "::" : host == "localhost" ? "127.0.0.1" : host;
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    in_addr v4{};
    // getaddrinfo(3) would also read "127.1" and "0x7f000001" as IPv4 addresses.
    const bool readable = numeric.find(':') != std::string::npos || inet_pton(AF_INET, numeric.c_str(), &v4) == 1;
    if (!readable || getaddrinfo(numeric.c_str(), port.c_str(), &hints, &found) != 0) {
        return failure(prefix(text) + "\"" + host + "\" is not an IP address; host names are not looked up here, so " +
                       "write the address, or 0.0.0.0 or [::] for all");
    }
    std::memcpy(&address.socket, found->ai_addr, found->ai_addrlen);
    address.length = found->ai_addrlen;
    freeaddrinfo(found);
    return address;
}

tl::unexpected<Error> explain(const Address& address, const std::string& call) {
    const int code = errno;
    std::string text;
    switch (code) {
        case EADDRINUSE: text = "address already in use by another program; choose another port or stop it"; break;
        case EADDRNOTAVAIL:
            text = "this machine has no such address; use one that it has, or 0.0.0.0 or [::] for all";
            break;
        case EACCES:
            text = "no permission for ports below 1024; choose a higher one or grant CAP_NET_BIND_SERVICE";
            break;
        case EAFNOSUPPORT:
            text = "this machine does not have this kind of address (IPv6 may be switched off); use an IPv4 one";
            break;
        default: return system_failure(prefix(address.text) + call, code);
    }
    return failure(prefix(address.text) + text, code);
}

Result<UniqueFd> listen_on(const Address& address, bool v6_only) {
    UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (!fd) return explain(address, "socket");
    // Connections of an earlier run that linger in TIME_WAIT must not keep the port.
    const int on = 1;
    if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return explain(address, "SO_REUSEADDR");
    const int only = v6_only ? 1 : 0;
    if (address.family() == AF_INET6 && setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) {
        return explain(address, "IPV6_V6ONLY");
    }
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.socket), address.length) != 0) {
        return explain(address, "bind");
    }
    if (listen(fd.get(), SOMAXCONN) != 0) return explain(address, "listen");
    return fd;
}

Result<UniqueFd> open_listener(const Address& address, const std::vector<Address>& all) {
    // An IPv6 socket that also serves IPv4 would take the port away from an IPv4 address in the same list.
    const bool v6_only = std::any_of(all.begin(), all.end(), [&](const Address& other) {
        return other.family() == AF_INET && other.port() == address.port() && other.port() != 0;
    });
    auto fd = listen_on(address, v6_only);
    if (fd || !address.all_families || (fd.error().code != EAFNOSUPPORT && fd.error().code != EADDRNOTAVAIL)) return fd;
    auto v4 = parse("0.0.0.0:" + std::to_string(address.port()));
    if (!v4) return tl::unexpected<Error>(v4.error());
    v4->text = address.text;
    return listen_on(*v4, false);
}

}  // namespace

Result<std::vector<UniqueFd>> open_listeners(const std::vector<std::string>& addresses) {
    std::vector<Address> parsed;
    for (const std::string& text : addresses) {
        auto address = parse(text);
        if (!address) return tl::unexpected<Error>(address.error());
        const auto same = [&](const Address& other) { return other.same_as(*address); };
        if (address->port() != 0 && std::any_of(parsed.begin(), parsed.end(), same)) {
            return failure(prefix(text) + "is listed twice; remove one of them");
        }
        parsed.push_back(std::move(*address));
    }
    std::vector<UniqueFd> listeners;
    for (const Address& address : parsed) {
        auto fd = open_listener(address, parsed);
        if (!fd) return tl::unexpected<Error>(fd.error());
        listeners.push_back(std::move(*fd));
    }
    return listeners;
}

std::string local_address(int fd) {
    sockaddr_storage socket{};
    socklen_t length = sizeof socket;
    auto* generic = reinterpret_cast<sockaddr*>(&socket);
    if (getsockname(fd, generic, &length) != 0) return {};
    char host[NI_MAXHOST] = {};
    char port[NI_MAXSERV] = {};
    if (getnameinfo(generic, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return {};
    }
    if (socket.ss_family == AF_INET) return std::string(host) + ":" + port;
    if (socket.ss_family == AF_INET6) return "[" + std::string(host) + "]:" + port;
    return {};
}

}  // namespace leasehold::metrics
