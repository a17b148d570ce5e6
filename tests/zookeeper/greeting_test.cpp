// SPDX-License-Identifier: Apache-2.0
//
// The answers are what ZooKeeper 3.8.0 said; and what others say.
#include "election/stores/zookeeper/greeting.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "tests/servers/loopback.h"

namespace leasehold::stores::zookeeper {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// Says one thing to one client, and closes; or says nothing and stays.
class Listener {
public:
    explicit Listener(std::string says, bool closes = true, const std::string& ip = "127.0.0.1", int port = 0)
        : says_(std::move(says)), closes_(closes), socket_(servers::bound_socket(ip, port)) {
        if (listen(socket_.get(), 8) != 0) throw std::runtime_error("listen");
        if (!closes_ && says_.empty()) return;
        thread_ = std::thread([this] {
            UniqueFd client;
            while (!client) client.reset(accept(socket_.get(), nullptr, nullptr));
            char letters[4];
            while (recv(client.get(), letters, sizeof letters, 0) < 0) std::this_thread::yield();
            [[maybe_unused]] const auto sent = send(client.get(), says_.data(), says_.size(), MSG_NOSIGNAL);
            if (!closes_) kept_ = std::move(client);
        });
    }
    ~Listener() {
        if (thread_.joinable()) thread_.join();
    }
    int port() const { return servers::port_of(socket_); }
    std::string server() const { return "127.0.0.1:" + std::to_string(port()); }

private:
    const std::string says_;
    const bool closes_;
    UniqueFd socket_;
    UniqueFd kept_;
    std::thread thread_;
};

TEST(Greeting, AServerThatServesIsTaken) {
    for (const char* answer : {"Zookeeper version: 3.8.0\nMode: follower\nNode count: 5\n", "Mode: leader\n",
                               "srvr is not executed because it is not in the whitelist.\n", ""}) {
        const Listener listener(answer);
        const Greeting greeting = greet(listener.server(), seconds(20), true);
        EXPECT_EQ(greeting.problem, Problem{}) << answer;
        EXPECT_EQ(greeting.address, listener.server()) << answer;
    }
}

TEST(Greeting, WhoDoesNotServeIsNamed) {
    const struct {
        std::string answer;
        std::string label;
        std::string detail;
    } cases[] = {
        {"This ZooKeeper instance is not currently serving requests\n", "unavailable", "no quorum"},
        {"Mode: read-only\n", "unavailable", "only lets read"},
        {"HTTP/1.1 400 Bad Request\r\n\r\n<html>", "not_zookeeper", "'HTTP/1.1 400 Bad Request"},
        {std::string("\x15\x03\x03\0\2\2\x16", 7), "not_zookeeper", "TLS"},
        {std::string(10'000, '\xff'), "not_zookeeper", "is no ZooKeeper"},
    };
    for (const auto& one : cases) {
        const Listener listener(one.answer);
        const Greeting greeting = greet(listener.server(), seconds(20), true);
        EXPECT_EQ(greeting.address, "");
        EXPECT_EQ(greeting.problem.label, one.label);
        EXPECT_THAT(greeting.problem.detail, HasSubstr(one.detail));
        EXPECT_THAT(greeting.problem.detail, HasSubstr(listener.server()));
    }
}

TEST(Greeting, WhoRunsAloneIsBelievedOnlyWhenItIsMeantTo) {
    const std::string answer = "Zookeeper version: 3.8.0\nMode: standalone\nNode count: 5\n";
    const Listener among_several(answer);
    const Greeting refused = greet(among_several.server(), seconds(20), true);
    EXPECT_EQ(refused.address, "");
    EXPECT_EQ(refused.problem.label, "another_cluster");
    EXPECT_THAT(refused.problem.detail, HasSubstr("zoo.cfg lacks the server.N lines"));
    const Listener alone(answer);
    EXPECT_EQ(greet(alone.server(), seconds(20), false).address, alone.server());
}

// The order is the resolver's: whoever comes first, the other is found.
TEST(Greeting, EveryAddressOfANameHasItsTurn) {
    for (const bool says_something : {true, false}) {
        std::unique_ptr<Listener> wrong;
        try {
            wrong = std::make_unique<Listener>(says_something ? "HTTP/1.1 400" : "", says_something, "::1");
        } catch (const std::runtime_error&) {
            GTEST_SKIP() << "no IPv6 on loopback";
        }
        const auto right = std::make_unique<Listener>("Mode: leader\n", true, "127.0.0.1", wrong->port());
        const Greeting greeting = greet("localhost:" + std::to_string(wrong->port()), seconds(2), true);
        EXPECT_EQ(greeting.address, right->server()) << greeting.problem.detail;
        if (says_something) greet("[::1]:" + std::to_string(wrong->port()), seconds(2), true);  // ends its thread
    }
}

TEST(Greeting, SilenceIsNotWaitedForLonger) {
    const Listener silent("", false);
    EXPECT_EQ(greet(silent.server(), milliseconds(50), true).problem.label, "timeout");
    const Listener endless("Mode: ", false);
    EXPECT_EQ(greet(endless.server(), milliseconds(50), true).problem.label, "timeout");
}

TEST(Greeting, NobodyThere) {
    const servers::ReservedPort port;
    const std::string server = "127.0.0.1:" + std::to_string(port.number());
    const Greeting refused = greet(server, seconds(20), true);
    EXPECT_EQ(refused.problem.label, "connect");
    EXPECT_THAT(refused.problem.detail, HasSubstr(server));
    EXPECT_EQ(greet("[::1]:" + std::to_string(port.number()), seconds(20), true).address, "");
    EXPECT_EQ(greet("no.such.host.invalid:2181", seconds(20), true).problem.label, "resolve");
}

}  // namespace
}  // namespace leasehold::stores::zookeeper
