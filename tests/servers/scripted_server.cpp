// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/scripted_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "tests/servers/loopback.h"
#include "tests/servers/scripted_connection.h"

namespace leasehold::servers {
namespace {

[[noreturn]] void cannot(const char* what) {
    std::fprintf(stderr, "scripted server: %s: %s\n", what, std::strerror(errno));
    std::abort();
}

// A listening socket, or nothing if the port is taken.
UniqueFd listen_at(const std::string& ip, int port, int backlog) {
    try {
        UniqueFd fd = bound_socket(ip, port);
        if (listen(fd.get(), backlog) == 0) return fd;
    } catch (const std::system_error& error) {
        if (error.code() != std::errc::address_in_use) throw;
        return {};
    }
    if (errno != EADDRINUSE) cannot("listen");
    return {};
}

}  // namespace

std::optional<ScriptedServer::Bound> ScriptedServer::bind_to(const ServerOptions& options) {
    UniqueFd fd = listen_at(options.address, options.port, SOMAXCONN);
    if (!fd) return std::nullopt;
    const int port = port_of(fd);
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
        const SocketAddress target = socket_address(address, port_of(hole->listener_));
        UniqueFd fd(socket(target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (connect(fd.get(), target.get(), target.length) != 0 && errno != EINPROGRESS) cannot("connect");
        hole->queue_.push_back(std::move(fd));
    }
    return hole;
}

}  // namespace leasehold::servers
