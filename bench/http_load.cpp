// SPDX-License-Identifier: Apache-2.0
#include "bench/http_load.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace leasehold::bench {
namespace {

constexpr std::size_t kStalled = 200;

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

sockaddr_in loopback(unsigned last_byte, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(0x7f000000U + last_byte);
    return address;
}

}  // namespace

UniqueFd connect_from(unsigned last_byte, int port) {
    UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!connection) fail("socket");
    const sockaddr_in from = loopback(last_byte, 0);
    const sockaddr_in to = loopback(1, port);
    const int on = 1;
    const timeval limit{10, 0};
    const int fd = connection.get();
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) fail("TCP_NODELAY");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) fail("SO_RCVTIMEO");
    if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) fail("bind");
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
    return connection;
}

void send_all(const UniqueFd& connection, const std::string& text) {
    const ssize_t sent = send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(text.size())) fail("send");
}

std::size_t read_answer(const UniqueFd& connection) {
    constexpr std::string_view kLength = "Content-Length: ";
    std::string answer;
    std::array<char, 65536> buffer{};
    std::size_t whole = 0;
    while (whole == 0 || answer.size() < whole) {
        const ssize_t got = recv(connection.get(), buffer.data(), buffer.size(), 0);
        if (got == 0) throw std::runtime_error("the server has ended the connection");
        if (got < 0) fail("recv");
        answer.append(buffer.data(), static_cast<std::size_t>(got));
        const std::size_t end = answer.find("\r\n\r\n");
        const std::size_t length = answer.find(kLength);
        if (whole != 0 || end == std::string::npos || length == std::string::npos) continue;
        whole = end + 4 + static_cast<std::size_t>(std::atol(answer.c_str() + length + kLength.size()));
    }
    if (!answer.starts_with("HTTP/1.1 200 ")) throw std::runtime_error("the answer is no 200: " + answer);
    return whole;
}

std::string get_request(const std::string& path, const std::string& header) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: test\r\n{}\r\n", path, header);
}

StalledClients::StalledClients(int port) : port_(port), connections_(kStalled) { keep(); }

void StalledClients::keep() {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        std::array<char, 256> bytes{};
        const ssize_t got = connections_[i] ? recv(connections_[i].get(), bytes.data(), bytes.size(), MSG_DONTWAIT) : 0;
        if (got < 0 && errno == EAGAIN) continue;
        connections_[i] = connect_from(2 + static_cast<unsigned>(i) % 4, port_);
        send_all(connections_[i], "GET /metrics HTTP/1.1\r\nHost: te");
        ++made_;
    }
}

}  // namespace leasehold::bench
