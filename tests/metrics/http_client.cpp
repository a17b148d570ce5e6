// SPDX-License-Identifier: Apache-2.0
#include "http_client.h"

#include <algorithm>
#include <cctype>

#include <sys/socket.h>

#include "base/clock.h"

namespace leasehold::metrics {
namespace {

constexpr Duration kGenerous = std::chrono::seconds(60);

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

Client::Client(int listener) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (getsockname(listener, generic, &length) != 0) return;
    UniqueFd fd(socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // On loopback the kernel itself completes the connection, unless the queue of the listener is full.
    if (fd && (::connect(fd.get(), generic, length) == 0 || errno == EINPROGRESS)) fd_ = std::move(fd);
}

bool Client::send(const std::string& bytes) {
    return ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void Client::receive() {
    char buffer[65536];
    const ssize_t count = recv(fd(), buffer, sizeof buffer, 0);
    if (count > 0) received.append(buffer, static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != ENOTCONN)) closed = true;
}

bool take_answer(std::string& bytes, Answer& answer, bool head) {
    const auto header_end = bytes.find("\r\n\r\n");
    if (header_end == std::string::npos || !bytes.starts_with("HTTP/1.1 ")) return false;
    answer = {};
    answer.status = std::stoi(bytes.substr(9, 3));
    std::size_t line = bytes.find("\r\n") + 2;
    while (line < header_end) {
        const std::size_t end = bytes.find("\r\n", line);
        const std::size_t colon = bytes.find(": ", line);
        answer.headers[lower(bytes.substr(line, colon - line))] = bytes.substr(colon + 2, end - colon - 2);
        line = end + 2;
    }
    const auto length = answer.headers.find("content-length");
    const std::size_t size = head || length == answer.headers.end() ? 0 : std::stoul(length->second);
    if (bytes.size() < header_end + 4 + size) return false;
    answer.body = bytes.substr(header_end + 4, size);
    bytes.erase(0, header_end + 4 + size);
    return true;
}

void ServerTest::start(const std::vector<std::string>& addresses, HttpLimits limits) {
    start(
        addresses,
        [this](const HttpRequest& seen) {
            requests_.push_back(seen);
            return HttpResponse{.body = "hello " + seen.path};
        },
        limits);
}

void ServerTest::start(const std::vector<std::string>& addresses, HttpServer::Handler handler, HttpLimits limits) {
    auto loop = EventLoop::create();
    ASSERT_TRUE(loop) << loop.error().message;
    loop_ = std::move(*loop);
    auto listeners = open_listeners(addresses);
    ASSERT_TRUE(listeners) << listeners.error().message;
    for (const UniqueFd& listener : *listeners) listener_fds_.push_back(listener.get());
    auto server = HttpServer::start(*loop_, std::move(*listeners), std::move(handler), limits, source_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
}

bool ServerTest::until(const std::function<bool()>& condition) {
    const Instant begin = now();
    while (!condition()) {
        if (elapsed_at_least(begin, now()) > kGenerous) return false;
        if (!loop_->run_once(std::chrono::milliseconds(1))) return false;
    }
    return true;
}

Answer ServerTest::answer(Client& client, bool head) {
    Answer result;
    until([&] {
        client.receive();
        return take_answer(client.received, result, head) || client.closed;
    });
    return result;
}

Answer ServerTest::request(const std::string& text, std::size_t listener) {
    Client client = connect(listener);
    if (!client.connected() || !client.send(text)) return {};
    return answer(client, text.starts_with("HEAD "));
}

Answer ServerTest::get(const std::string& path, std::size_t listener) {
    return request("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n", listener);
}

}  // namespace leasehold::metrics
