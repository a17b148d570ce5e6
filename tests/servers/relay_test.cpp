// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/relay.h"

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>

#include "tests/harness/candidate.h"

namespace leasehold::servers {
namespace {

using harness::eventually;
using Mode = Relay::Mode;
using std::chrono::milliseconds;

constexpr milliseconds kLong{30'000};
constexpr milliseconds kMoment{50};  // for looking at what should not happen

bool readable(int fd, milliseconds limit) {
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&wanted, 1, static_cast<int>(limit.count())) == 1;
}

// One end of a connection, as the test plays it.
class End {
public:
    explicit End(UniqueFd fd) : fd_(std::move(fd)) {}

    static End connected_to(int port, const std::string& ip = "127.0.0.1") {
        const SocketAddress address = socket_address(ip, port);
        UniqueFd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (connect(fd.get(), address.get(), address.length) != 0) fd.reset();
        return End(std::move(fd));
    }

    bool open() const { return static_cast<bool>(fd_); }
    void close() { fd_.reset(); }
    void finish() { shutdown(fd_.get(), SHUT_WR); }
    void say(const std::string& text) { ASSERT_EQ(send(fd_.get(), text.data(), text.size(), 0), ssize(text)); }

    // What arrives until this many bytes are there, "<end>" or "<reset>" comes, or nothing comes for `limit`.
    std::string hear(std::size_t size, milliseconds limit = kLong) {
        std::string heard;
        std::array<char, 4096> part;
        while (heard.size() < size && readable(fd_.get(), limit)) {
            const ssize_t got = recv(fd_.get(), part.data(), part.size(), 0);
            if (got == 0) return heard + "<end>";
            if (got < 0) return heard + (errno == ECONNRESET ? "<reset>" : "<error>");
            heard.append(part.data(), static_cast<std::size_t>(got));
        }
        return heard;
    }

private:
    static std::ptrdiff_t ssize(const std::string& text) { return static_cast<std::ptrdiff_t>(text.size()); }

    UniqueFd fd_;
};

class RelayTest : public testing::Test {
protected:
    RelayTest() : listener_(bound_socket("127.0.0.1", server_port_.number())) {
        EXPECT_EQ(listen(listener_.get(), 16), 0);
    }

    Relay::Options options() { return {.server_port = server_port_.number()}; }
    End accepted(milliseconds limit = kLong) {
        if (!readable(listener_.get(), limit)) return End(UniqueFd());
        return End(UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    }
    // Nothing of the server is left to connect to.
    void stop_server() { listener_.reset(); }

    ReservedPort server_port_;
    UniqueFd listener_;
};

TEST_F(RelayTest, PassesBothWaysAndCounts) {
    Relay relay(options());
    End client = End::connected_to(relay.port());
    End server = accepted();
    client.say("question");
    EXPECT_EQ(server.hear(8), "question");
    server.say("answer");
    EXPECT_EQ(client.hear(6), "answer");
    EXPECT_EQ(relay.open_connections(), 1U);
    client.finish();
    EXPECT_EQ(server.hear(1), "<end>");
    server.say("more");
    server.close();
    EXPECT_EQ(client.hear(100), "more<end>");
    EXPECT_TRUE(eventually([&] { return relay.open_connections() == 0; }));
    const Relay::Counts counts = relay.counts();
    EXPECT_EQ(counts.connections, 1U);
    EXPECT_EQ(counts.bytes_to_server, 8U);
    EXPECT_EQ(counts.bytes_to_client, 10U);
}

TEST_F(RelayTest, PassesMuch) {
    Relay relay(options());
    End client = End::connected_to(relay.port());
    End server = accepted();
    const std::string much(20'000'000, 'x');
    std::thread sender([&] { client.say(much); });
    EXPECT_TRUE(server.hear(much.size()) == much);
    sender.join();
}

TEST_F(RelayTest, ListensOnVersion6) {
    Relay relay({.listen = "::1", .server_port = server_port_.number()});
    End client = End::connected_to(relay.port(), "::1");
    End server = accepted();
    client.say("six");
    EXPECT_EQ(server.hear(3), "six");
}

TEST_F(RelayTest, BlackHoleSwallowsAndGivesBack) {
    Relay relay(options());
    End client = End::connected_to(relay.port());
    End server = accepted();
    relay.set(Mode::black_hole);
    client.say("question");
    server.say("answer");
    EXPECT_EQ(server.hear(1, kMoment), "");
    EXPECT_EQ(client.hear(1, kMoment), "");
    End other = End::connected_to(relay.port());
    EXPECT_TRUE(other.open());
    other.say("hello");
    End other_server = accepted();
    EXPECT_EQ(other_server.hear(1, kMoment), "");
    EXPECT_EQ(relay.counts().bytes_to_server, 0U);
    relay.set(Mode::pass);
    EXPECT_EQ(server.hear(8), "question");
    EXPECT_EQ(client.hear(6), "answer");
    EXPECT_EQ(other_server.hear(5), "hello");
}

TEST_F(RelayTest, BlackHoleHidesTheEnd) {
    Relay relay(options());
    End client = End::connected_to(relay.port());
    End server = accepted();
    relay.set(Mode::black_hole);
    client.close();
    EXPECT_EQ(server.hear(1, kMoment), "");
    relay.set(Mode::pass);
    EXPECT_EQ(server.hear(1), "<end>");
}

TEST_F(RelayTest, OneWay) {
    Relay relay(options());
    End client = End::connected_to(relay.port());
    End server = accepted();
    relay.set(Mode::one_way);
    client.say("question");
    EXPECT_EQ(server.hear(8), "question");
    server.say("answer");
    EXPECT_EQ(client.hear(1, kMoment), "");
    relay.cut();  // an answer that never comes
    EXPECT_EQ(client.hear(1), "<reset>");
    EXPECT_EQ(relay.counts().bytes_to_client, 0U);
}

TEST_F(RelayTest, DripsAnswers) {
    Relay::Options slow = options();
    slow.drip_bytes = 2;
    slow.drip_every = milliseconds(10);
    Relay relay(slow);
    relay.set(Mode::drip);
    End client = End::connected_to(relay.port());
    End server = accepted();
    client.say("question");
    EXPECT_EQ(server.hear(8), "question");
    server.say("0123456789");
    server.close();
    EXPECT_EQ(client.hear(1), "01");
    EXPECT_EQ(client.hear(100), "23456789<end>");
}

TEST_F(RelayTest, RefusesAndComesBackOnItsPort) {
    Relay relay(options());
    End client = End::connected_to(relay.port());
    End server = accepted();
    relay.set(Mode::refuse);
    EXPECT_EQ(client.hear(1), "<reset>");
    EXPECT_EQ(server.hear(1), "<reset>");
    EXPECT_FALSE(End::connected_to(relay.port()).open());
    relay.set(Mode::pass);
    End again = End::connected_to(relay.port());
    ASSERT_TRUE(again.open());
    again.say("back");
    EXPECT_EQ(accepted().hear(4), "back");
}

TEST_F(RelayTest, CutsBothSidesOnce) {
    Relay relay(options());
    End client = End::connected_to(relay.port());
    End server = accepted();
    relay.cut();
    EXPECT_EQ(client.hear(1), "<reset>");
    EXPECT_EQ(server.hear(1), "<reset>");
    End again = End::connected_to(relay.port());
    again.say("new");
    EXPECT_EQ(accepted().hear(3), "new");
}

TEST_F(RelayTest, PassesOnThatTheServerIsGone) {
    Relay relay(options());
    stop_server();
    End client = End::connected_to(relay.port());
    EXPECT_EQ(client.hear(1), "<reset>");
    EXPECT_TRUE(eventually([&] { return relay.open_connections() == 0; }));
}

TEST_F(RelayTest, APortStaysReserved) {
    stop_server();
    EXPECT_FALSE(End::connected_to(server_port_.number()).open());
    for (int i = 0; i < 1000; ++i) EXPECT_NE(ReservedPort().number(), server_port_.number());
    listener_ = bound_socket("127.0.0.1", server_port_.number());
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    EXPECT_TRUE(End::connected_to(server_port_.number()).open());
}

}  // namespace
}  // namespace leasehold::servers
