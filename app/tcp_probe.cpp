// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <fmt/core.h>

#include "app/net_probe.h"
#include "base/duration_text.h"
#include "base/fd.h"

namespace leasehold::app {
namespace {

struct Address {
    std::string text;
    sockaddr_storage socket{};
    socklen_t length = 0;
};

std::optional<Address> address_of(const std::string& host, int port) {
    Address address;
    auto* ip4 = reinterpret_cast<sockaddr_in*>(&address.socket);
    auto* ip6 = reinterpret_cast<sockaddr_in6*>(&address.socket);
    const auto net_port = htons(static_cast<std::uint16_t>(port));
    if (inet_pton(AF_INET, host.c_str(), &ip4->sin_addr) == 1) {
        ip4->sin_family = AF_INET;
        ip4->sin_port = net_port;
        address.length = sizeof *ip4;
        address.text = fmt::format("{}:{}", host, port);
    } else if (inet_pton(AF_INET6, host.c_str(), &ip6->sin6_addr) == 1) {
        ip6->sin6_family = AF_INET6;
        ip6->sin6_port = net_port;
        address.length = sizeof *ip6;
        address.text = fmt::format("[{}]:{}", host, port);
    } else {
        return std::nullopt;
    }
    return address;
}

// What the configuration lets through (config/probe_keys.h).
Result<std::vector<Address>> addresses_of(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    std::string host = text.substr(0, colon);
    const int port = std::atoi(text.c_str() + colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto hosts = host == "localhost" ? std::vector<std::string>{"127.0.0.1", "::1"} : std::vector{host};
    std::vector<Address> addresses;
    for (const std::string& numeric : hosts) {
        auto address = address_of(numeric, port);
        if (!address) return failure(text + " is no address to probe");
        addresses.push_back(std::move(*address));
    }
    return addresses;
}

class TcpProbe : public NetProbe {
public:
    TcpProbe(EventLoop& loop, const supervisor::ProbeOptions& options)
        : loop_(loop), name_(options.tcp), timeout_(options.timeout) {}
    ~TcpProbe() override { drop(); }

    Result<void> set_up() {
        auto addresses = addresses_of(name_);
        if (!addresses) return tl::unexpected<Error>(addresses.error());
        addresses_ = std::move(*addresses);
        auto timer = Timer::create(loop_, [this] { on_timer(); });
        if (!timer) return tl::unexpected<Error>(timer.error());
        timer_ = std::move(*timer);
        return {};
    }

    void start(Done done) override {
        done_ = std::move(done);
        next_ = 0;
        problem_.clear();
        given_up_ = false;
        timer_->arm_in(timeout_);
        connect_next();
    }

    void cancel() override {
        done_ = nullptr;
        timer_->disarm();
        drop();
    }

private:
    // One address after the other, for as long as there is time. A connection that is there at once is heard of like
    // any other: its socket is writable.
    void connect_next() {
        for (; next_ < addresses_.size(); ++next_) {
            const Address& to = addresses_[next_];
            socket_ = UniqueFd(::socket(to.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            const bool begun =
                socket_ && (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to.socket), to.length) == 0 ||
                            errno == EINPROGRESS);
            if (!begun) {
                note(errno);
                socket_.reset();
                continue;
            }
            auto watched = loop_.watch(socket_.get(), EPOLLOUT, [this](std::uint32_t) { on_socket(); });
            if (watched) return;
            problem_ = watched.error().message;
            socket_.reset();
        }
        given_up_ = true;
        timer_->arm_in(Duration::zero());
    }

    void on_socket() {
        int problem = 0;
        socklen_t size = sizeof problem;
        if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &problem, &size) != 0) problem = errno;
        if (problem == 0) return finish({true, "connected to " + addresses_[next_].text});
        drop();
        note(problem);
        ++next_;
        connect_next();
    }

    void on_timer() {
        if (given_up_) return finish({false, problem_});
        finish({false, fmt::format("no connection to {} within {}", name_, to_rounded_text(timeout_))});
    }

    // The first address is the one that is meant.
    void note(int problem) {
        if (!problem_.empty()) return;
        problem_ = fmt::format("connecting to {} failed: {}", addresses_[next_].text,
                               std::generic_category().message(problem));
    }

    void drop() {
        if (!socket_) return;
        loop_.unwatch(socket_.get());
        socket_.reset();
    }

    void finish(Outcome outcome) {
        const Done done = std::exchange(done_, nullptr);
        cancel();
        if (done) done(std::move(outcome));
    }

    EventLoop& loop_;
    std::string name_;
    Duration timeout_;
    std::vector<Address> addresses_;
    std::unique_ptr<Timer> timer_;
    UniqueFd socket_;
    std::size_t next_ = 0;  // of the addresses, the one that is tried
    std::string problem_;
    bool given_up_ = false;
    Done done_;
};

}  // namespace

Result<std::unique_ptr<NetProbe>> make_tcp_probe(EventLoop& loop, const supervisor::ProbeOptions& options) {
    auto probe = std::make_unique<TcpProbe>(loop, options);
    if (auto done = probe->set_up(); !done) return tl::unexpected<Error>(done.error());
    return probe;
}

Result<std::unique_ptr<NetProbe>> make_net_probe(EventLoop& loop, const supervisor::ProbeOptions& options) {
    if (!options.http.empty()) return make_http_probe(loop, options);
    if (!options.tcp.empty()) return make_tcp_probe(loop, options);
    return nullptr;
}

}  // namespace leasehold::app
