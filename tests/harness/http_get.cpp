// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/http_get.h"

#include <array>
#include <cstdint>
#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace leasehold::harness {

PendingGet::PendingGet(int port, const std::string& path) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    sent_ = send(fd_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
}

PendingGet::~PendingGet() { close(fd_); }

HttpAnswer PendingGet::answer() {
    HttpAnswer answer;
    std::string text;
    if (sent_) {
        std::array<char, 4096> part{};
        for (ssize_t count = 0; (count = recv(fd_, part.data(), part.size(), 0)) > 0;) {
            text.append(part.data(), static_cast<std::size_t>(count));
        }
    }
    if (text.rfind("HTTP/1.1 ", 0) == 0) answer.status = std::atoi(text.c_str() + 9);
    if (const auto body = text.find("\r\n\r\n"); body != std::string::npos) answer.body = text.substr(body + 4);
    return answer;
}

HttpAnswer http_get(int port, const std::string& path) { return PendingGet(port, path).answer(); }

}  // namespace leasehold::harness
