// SPDX-License-Identifier: Apache-2.0
#include "app/control_server.h"

#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/control_protocol.h"
#include "base/log.h"

namespace leasehold::app {
namespace {

constexpr Duration kAcceptAgain = std::chrono::seconds(1);

bool may_ask(const ControlPeer& peer) { return peer.user == geteuid() || peer.user == 0; }

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(EventLoop& loop, UniqueFd listener, Handler handler,
                                                            Limits limits) {
    std::unique_ptr<ControlServer> server(new ControlServer(loop, std::move(listener), std::move(handler), limits));
    auto again = Timer::create(loop, [raw = server.get()] {
        if (auto done = raw->listen(); !done) log::error("control socket: {}", done.error().message);
    });
    if (!again) return tl::unexpected<Error>(again.error());
    server->again_ = std::move(*again);
    if (auto done = server->listen(); !done) return tl::unexpected<Error>(done.error());
    return server;
}

ControlServer::~ControlServer() {
    while (!clients_.empty()) drop(clients_.begin()->first);
    loop_.unwatch(listener_.get());
}

Result<void> ControlServer::listen() {
    return loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_clients(); });
}

void ControlServer::accept_clients() {
    for (;;) {
        UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket) {
            admit(std::move(socket));
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        log::warn("control socket: accept4: {}; trying again", std::generic_category().message(errno));
        loop_.unwatch(listener_.get());  // it would be ready all the time
        return again_->arm_in(kAcceptAgain);
    }
}

void ControlServer::admit(UniqueFd socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return log::warn("control socket: SO_PEERCRED: {}", std::generic_category().message(errno));
    }
    while (clients_.size() >= limits_.clients) {
        log::debug("control socket: too many clients; the one that has been there longest has to go");
        drop(clients_.begin()->first);
    }
    const Number number = ++last_number_;
    auto limit = Timer::create(loop_, [this, number] { drop(number); });
    if (!limit) return log::warn("control socket: {}", limit.error().message);
    (*limit)->arm_in(limits_.patience);
    clients_[number] = {std::move(socket), {credentials.uid, credentials.pid}, {}, {}, false, std::move(*limit)};
    if (!watch(number, EPOLLIN)) drop(number);
}

bool ControlServer::watch(Number number, std::uint32_t events) {
    auto watched = loop_.watch(clients_[number].socket.get(), events, [this, number](std::uint32_t) { serve(number); });
    if (!watched) log::warn("control socket: {}", watched.error().message);
    return watched.has_value();
}

void ControlServer::serve(Number number) {
    const auto found = clients_.find(number);
    if (found == clients_.end()) return;
    Client& client = found->second;
    client.answering ? send_answer(number, client) : read_request(number, client);
}

void ControlServer::read_request(Number number, Client& client) {
    char buffer[kLongestRequest];
    const ssize_t size = recv(client.socket.get(), buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (size < 0 || (size == 0 && client.request.empty())) return drop(number);
    client.request.append(buffer, static_cast<std::size_t>(size));
    const std::size_t end = client.request.find('\n');
    const bool whole = end < kLongestRequest;
    if (!whole && size > 0 && client.request.size() < kLongestRequest) return;

    client.request.resize(std::min(whole ? end : client.request.size(), kLongestRequest));
    client.answering = true;
    client.answer = may_ask(client.peer)
                        ? handler_(client.request, whole, client.peer)
                        : to_line(ControlAnswer{ControlAnswer::Kind::refused,
                                                "only root, and the user that runs this leasehold, may ask it"});
    send_answer(number, client);
}

void ControlServer::send_answer(Number number, Client& client) {
    while (!client.answer.empty()) {
        const ssize_t size = send(client.socket.get(), client.answer.data(), client.answer.size(), MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!watch(number, EPOLLOUT)) drop(number);
            return;
        }
        if (size < 0) break;
        client.answer.erase(0, static_cast<std::size_t>(size));
    }
    drop(number);
}

void ControlServer::drop(Number number) {
    const auto found = clients_.find(number);
    if (found == clients_.end()) return;
    loop_.unwatch(found->second.socket.get());
    clients_.erase(found);  // its timer too, perhaps from inside of its callback, which the loop keeps
}

}  // namespace leasehold::app
