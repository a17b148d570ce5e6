// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/scripted_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "tests/servers/scripted_connection.h"

namespace leasehold::servers {
namespace {

[[noreturn]] void cannot(const char* what) {
    std::fprintf(stderr, "scripted server: %s: %s\n", what, std::strerror(errno));
    std::abort();
}

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address address_of(const std::string& text, int port) {
    Address address;
    const auto network_port = htons(static_cast<std::uint16_t>(port));
    if (text.find(':') != std::string::npos) {
        auto* ip6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
        *ip6 = {AF_INET6, network_port, 0, {}, 0};
        address.size = sizeof *ip6;
        if (inet_pton(AF_INET6, text.c_str(), &ip6->sin6_addr) != 1) cannot(text.c_str());
        return address;
    }
    auto* ip4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    ip4->sin_family = AF_INET;
    ip4->sin_port = network_port;
    address.size = sizeof *ip4;
    if (inet_pton(AF_INET, text.c_str(), &ip4->sin_addr) != 1) cannot(text.c_str());
    return address;
}

// A listening socket, or nothing if the port is taken.
UniqueFd listen_at(const std::string& text, int port, int backlog) {
    Address address = address_of(text, port);
    UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) cannot("socket");
    if (bind(fd.get(), address.raw(), address.size) != 0 || listen(fd.get(), backlog) != 0) {
        if (errno != EADDRINUSE) cannot(text.c_str());
        return {};
    }
    return fd;
}

int port_of(int fd) {
    Address address;
    address.size = sizeof address.storage;
    if (getsockname(fd, address.raw(), &address.size) != 0) cannot("getsockname");
    return ntohs(address.storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port
                                                       : reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
}

}  // namespace

std::optional<ScriptedServer::Bound> ScriptedServer::bind_to(const ServerOptions& options) {
    UniqueFd fd = listen_at(options.address, options.port, SOMAXCONN);
    if (!fd) return std::nullopt;
    const int port = port_of(fd.get());
    return Bound{std::move(fd), port};
}

ScriptedServer::ScriptedServer(ServerOptions options)
    : ScriptedServer(options, [&] {
          auto bound = bind_to(options);
          if (!bound) cannot("listen");
          return std::move(*bound);
      }()) {}

ScriptedServer::ScriptedServer(ServerOptions options, Bound bound)
    : options_(std::move(options)),
      listener_(std::move(bound.fd)),
      port_(bound.port),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stop_) cannot("eventfd");
    if (options_.tls) tls_ = make_tls_context(*options_.tls);
    // Threads inherit the mask: signals are for the test's own, and OpenSSL writes without MSG_NOSIGNAL.
    sigset_t all{};
    sigset_t before{};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    acceptor_ = std::thread([this] { accept_all(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::unique_ptr<ScriptedServer> ScriptedServer::on_port_if_free(ServerOptions options) {
    auto bound = bind_to(options);
    if (!bound) return nullptr;
    return std::unique_ptr<ScriptedServer>(new ScriptedServer(std::move(options), std::move(*bound)));
}

ScriptedServer::~ScriptedServer() {
    eventfd_write(stop_.get(), 1);
    acceptor_.join();
    disconnect();
    for (std::thread& worker : workers_) worker.join();
}

std::string ScriptedServer::authority() const {
    const bool ip6 = options_.address.find(':') != std::string::npos;
    return fmt::format(fmt::runtime(ip6 ? "[{}]:{}" : "{}:{}"), options_.address, port_);
}

std::string ScriptedServer::url() const { return (options_.tls ? "https://" : "http://") + authority(); }

void ScriptedServer::handle(Handler handler) {
    const std::lock_guard lock(handler_mutex_);
    handler_ = std::move(handler);
}

void ScriptedServer::queue(Reply reply, int times) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < times; ++i) queue_.push_back(reply);
}

void ScriptedServer::greet(std::function<Greeting(int)> greeting) {
    const std::lock_guard lock(mutex_);
    greeting_ = std::move(greeting);
}

void ScriptedServer::disconnect() {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, connection] : open_) connection->end();
}

std::vector<Request> ScriptedServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

std::size_t ScriptedServer::request_count() const {
    const std::lock_guard lock(mutex_);
    return requests_.size();
}

int ScriptedServer::connections() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
}

int ScriptedServer::open_connections() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(open_.size());
}

std::vector<std::string> ScriptedServer::handshake_failures() const {
    const std::lock_guard lock(mutex_);
    return handshake_failures_;
}

bool ScriptedServer::wait_until(const std::function<bool()>& condition) const {
    // The condition locks for itself, and may depend on more than what is notified.
    for (int round = 0; round < 6000; ++round) {
        if (condition()) return true;
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(10));
    }
    return condition();
}

void ScriptedServer::accept_all() {
    while (true) {
        std::array<pollfd, 2> both{{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
        if (poll(both.data(), both.size(), -1) < 0) continue;
        if (both[1].revents != 0) return;
        UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd) continue;
        const int yes = 1;
        setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        const std::lock_guard lock(mutex_);
        auto connection = std::make_shared<Connection>(++accepted_, std::move(fd));
        open_.emplace(accepted_, connection);
        workers_.emplace_back([this, connection = std::move(connection)]() mutable {
            serve(connection);
            const int number = connection->number();
            const std::lock_guard again(mutex_);
            open_.erase(number);
            connection.reset();  // closes it, so that "not open" is never said too early
            changed_.notify_all();
        });
        changed_.notify_all();
    }
}

void ScriptedServer::serve(const std::shared_ptr<Connection>& connection) {
    Greeting greeting = Greeting::serve;
    {
        const std::lock_guard lock(mutex_);
        if (greeting_) greeting = greeting_(connection->number());
    }
    if (greeting == Greeting::reset) connection->reset();
    if (greeting == Greeting::silence) connection->wait_for_end();
    if (greeting != Greeting::serve && greeting != Greeting::deaf) return;
    if (tls_ != nullptr) {
        if (auto problem = connection->handshake(tls_.get())) {
            {
                const std::lock_guard lock(mutex_);
                handshake_failures_.push_back(std::move(*problem));
            }
            return connection->drain();
        }
    }
    if (greeting == Greeting::deaf) return connection->wait_for_end();
    while (auto request = connection->read_request()) {
        if (!carry_out(reply_to(*request), *request, *connection)) return;
    }
}

Reply ScriptedServer::reply_to(Request request) {
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        changed_.notify_all();
        if (!queue_.empty()) {
            Reply reply = std::move(queue_.front());
            queue_.pop_front();
            return reply;
        }
    }
    const std::lock_guard lock(handler_mutex_);
    if (handler_) return handler_(request);
    return Reply::text(404, "nothing is scripted for " + request.method + ' ' + request.target);
}

std::unique_ptr<BlackHole> BlackHole::make(const std::string& address, int port) {
    auto hole = std::make_unique<BlackHole>();
    hole->listener_ = listen_at(address, port, 0);
    if (!hole->listener_) return nullptr;
    // Its queue takes one connection more than its length; a few are pending for good then.
    for (int i = 0; i < 4; ++i) {
        Address target = address_of(address, port_of(hole->listener_.get()));
        UniqueFd fd(socket(target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (connect(fd.get(), target.raw(), target.size) != 0 && errno != EINPROGRESS) cannot("connect");
        hole->queue_.push_back(std::move(fd));
    }
    return hole;
}

}  // namespace leasehold::servers
