// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/relay.h"

#include <array>
#include <cerrno>
#include <future>
#include <list>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/event_loop.h"

namespace leasehold::servers {
namespace {

constexpr std::size_t kMostHeld = 64 * 1024;  // in one direction of one connection

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

template <class Value>
Value need(Result<Value> result) {
    if (!result) throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<Value>) return std::move(*result);
}

// Closing it will send a reset instead of what is left to send.
void reset_at_close(int fd) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);  // fails only when there is no connection to reset
}

// One direction of one connection.
struct Flow {
    int from = -1;
    int to = -1;
    std::atomic<std::uint64_t>* count = nullptr;
    std::string held{};
    bool ended = false;   // nothing more comes
    bool closed = false;  // and the other side has been told

    bool wants_read() const { return !ended && held.size() < kMostHeld; }
    bool wants_write() const { return !held.empty() || (ended && !closed); }

    // False when the connection is broken.
    bool read() {
        std::array<char, 16 * 1024> part;
        const ssize_t size = recv(from, part.data(), part.size(), 0);
        if (size > 0) held.append(part.data(), static_cast<std::size_t>(size));
        if (size == 0) ended = true;
        return size >= 0 || errno == EAGAIN || errno == EINTR;
    }

    bool write(std::size_t most) {
        if (!held.empty()) {
            const ssize_t size = send(to, held.data(), std::min(most, held.size()), MSG_NOSIGNAL);
            if (size < 0) return errno == EAGAIN || errno == EINTR;
            held.erase(0, static_cast<std::size_t>(size));
            *count += static_cast<std::uint64_t>(size);
        }
        if (held.empty() && ended && !closed) {
            closed = true;
            return shutdown(to, SHUT_WR) == 0 || errno == ENOTCONN;
        }
        return true;
    }
};

struct Connection {
    UniqueFd client;
    UniqueFd server;
    Flow request;
    Flow answer;
    std::list<Connection>::iterator self;
};

}  // namespace

// Lives in the relay's thread, but for its construction and destruction.
class Relay::Worker {
public:
    explicit Worker(Relay& relay)
        : relay_(relay), loop_(need(EventLoop::create())), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (!wake_) fail("eventfd");
        drip_ = need(Timer::create(*loop_, [this] { drip(); }));
        need(loop_->watch(wake_.get(), EPOLLIN, [this](std::uint32_t) { run_tasks(); }));
        listen();
    }

    void run() { need(loop_->run()); }
    void stop() { loop_->stop(); }
    std::size_t open_connections() const { return connections_.size(); }

    // From another thread.
    void post(std::packaged_task<void()> task) {
        {
            const std::lock_guard lock(mutex_);
            tasks_.push_back(std::move(task));
        }
        const std::uint64_t one = 1;
        if (write(wake_.get(), &one, sizeof one) != sizeof one) fail("waking the relay");
    }

    void set(Mode mode) {
        mode_ = mode;
        if (mode == Mode::refuse) {
            stop_listening();
            cut();
        } else if (!listener_) {
            listen();
        }
        for (auto next = connections_.begin(); next != connections_.end();) watch(*next++);
        if (mode == Mode::drip) drip_->arm_in(relay_.options_.drip_every);
    }

    void cut() {
        while (!connections_.empty()) drop(connections_.front());
    }

private:
    void run_tasks() {
        std::uint64_t ignored = 0;
        if (read(wake_.get(), &ignored, sizeof ignored) < 0 && errno != EAGAIN) fail("reading an eventfd");
        std::vector<std::packaged_task<void()>> tasks;
        {
            const std::lock_guard lock(mutex_);
            tasks.swap(tasks_);
        }
        for (auto& task : tasks) task();
    }

    void listen() {
        listener_ = bound_socket(relay_.options_.listen, relay_.port());
        if (::listen(listener_.get(), SOMAXCONN) != 0) fail("listening");
        need(loop_->watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); }));
    }

    void stop_listening() {
        if (!listener_) return;
        loop_->unwatch(listener_.get());
        listener_.reset();
    }

    void accept() {
        UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client) return;  // it has gone again
        ++relay_.connections_;
        const SocketAddress address = socket_address(relay_.options_.server, relay_.options_.server_port);
        UniqueFd server(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!server) fail("socket");
        // A server that cannot be reached shows itself when something is sent or read.
        if (connect(server.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) {
            reset_at_close(client.get());
            return;
        }
        Connection& made = connections_.emplace_back();
        made.self = std::prev(connections_.end());
        made.request = {.from = client.get(), .to = server.get(), .count = &relay_.bytes_to_server_};
        made.answer = {.from = server.get(), .to = client.get(), .count = &relay_.bytes_to_client_};
        made.client = std::move(client);
        made.server = std::move(server);
        watch(made);
    }

    bool requests_pass() const { return mode_ != Mode::black_hole; }
    bool answers_are_read() const { return mode_ == Mode::pass || mode_ == Mode::drip; }

    // Asks for what the mode permits of what there is to do; nothing is heard of a descriptor that nothing is asked
    // for.
    void watch(Connection& connection) {
        const Flow& request = connection.request;
        const Flow& answer = connection.answer;
        std::uint32_t client = 0;
        std::uint32_t server = 0;
        if (requests_pass() && request.wants_read()) client |= EPOLLIN;
        if (requests_pass() && request.wants_write()) server |= EPOLLOUT;
        if (answers_are_read() && answer.wants_read()) server |= EPOLLIN;
        if (mode_ == Mode::pass && answer.wants_write()) client |= EPOLLOUT;
        watch(connection, connection.client.get(), client);
        watch(connection, connection.server.get(), server);
    }

    void watch(Connection& connection, int fd, std::uint32_t events) {
        if (events == 0) return loop_->unwatch(fd);
        need(
            loop_->watch(fd, events, [this, &connection, fd, events](std::uint32_t) { move(connection, fd, events); }));
    }

    // Tries all that was asked for, whatever is reported: that finds out about errors as well.
    void move(Connection& connection, int fd, std::uint32_t asked) {
        Flow& incoming = fd == connection.client.get() ? connection.request : connection.answer;
        Flow& outgoing = fd == connection.client.get() ? connection.answer : connection.request;
        bool whole = true;
        if ((asked & EPOLLIN) != 0) whole = incoming.read();
        if (whole && (asked & EPOLLOUT) != 0) whole = outgoing.write(kMostHeld);
        settle(connection, whole);
    }

    void settle(Connection& connection, bool whole) {
        if (!whole) {
            drop(connection);
        } else if (connection.request.closed && connection.answer.closed) {
            forget(connection);
        } else {
            watch(connection);
        }
    }

    void drip() {
        if (mode_ != Mode::drip) return;
        for (auto next = connections_.begin(); next != connections_.end();) {
            Connection& connection = *next++;
            settle(connection, connection.answer.write(relay_.options_.drip_bytes));
        }
        drip_->arm_in(relay_.options_.drip_every);
    }

    void drop(Connection& connection) {
        reset_at_close(connection.client.get());
        reset_at_close(connection.server.get());
        forget(connection);
    }

    void forget(Connection& connection) {
        loop_->unwatch(connection.client.get());
        loop_->unwatch(connection.server.get());
        connections_.erase(connection.self);
    }

    Relay& relay_;
    std::unique_ptr<EventLoop> loop_;
    UniqueFd wake_;
    std::unique_ptr<Timer> drip_;
    UniqueFd listener_;
    std::list<Connection> connections_;
    Mode mode_ = Mode::pass;
    std::mutex mutex_;
    std::vector<std::packaged_task<void()>> tasks_;
};

Relay::Relay(Options options)
    : options_(std::move(options)), port_(options_.listen, options_.port), worker_(std::make_unique<Worker>(*this)) {
    thread_ = std::thread([this] { worker_->run(); });
}

Relay::~Relay() {
    in_worker([](Worker& worker) {
        worker.cut();
        worker.stop();
    });
    thread_.join();
}

void Relay::in_worker(const std::function<void(Worker&)>& task) {
    std::packaged_task<void()> packaged([&] { task(*worker_); });
    std::future<void> done = packaged.get_future();
    worker_->post(std::move(packaged));
    done.get();
}

void Relay::set(Mode mode) {
    in_worker([mode](Worker& worker) { worker.set(mode); });
}

void Relay::cut() {
    in_worker([](Worker& worker) { worker.cut(); });
}

Relay::Counts Relay::counts() const {
    return {.connections = connections_, .bytes_to_server = bytes_to_server_, .bytes_to_client = bytes_to_client_};
}

std::size_t Relay::open_connections() {
    std::size_t open = 0;
    in_worker([&open](Worker& worker) { open = worker.open_connections(); });
    return open;
}

}  // namespace leasehold::servers
