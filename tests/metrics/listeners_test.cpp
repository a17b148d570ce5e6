// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "http_client.h"
#include "metrics/http_server.h"

namespace leasehold::metrics {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(const std::vector<std::string>& addresses) {
    const auto listeners = open_listeners(addresses);
    return listeners ? "no error" : listeners.error().message;
}

std::string port_of(const UniqueFd& fd) {
    const std::string address = local_address(fd.get());
    return address.substr(address.rfind(':') + 1);
}

// A port that was free a moment ago, for addresses that have to share one.
std::string free_port() {
    const auto listeners = open_listeners({"[::]:0"});
    return listeners ? port_of(listeners->front()) : "";
}

// Whether someone listens for connections to that loopback address.
bool answers(const std::string& host, const std::string& port) {
    const bool v4 = host == "127.0.0.1";
    sockaddr_in in4{};
    in4.sin_family = AF_INET;
    in4.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = in4.sin_port;
    in6.sin6_addr = in6addr_loopback;
    const UniqueFd fd(socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (v4) return connect(fd.get(), reinterpret_cast<sockaddr*>(&in4), sizeof in4) == 0;
    return connect(fd.get(), reinterpret_cast<sockaddr*>(&in6), sizeof in6) == 0;
}

TEST(Listeners, SayWhereTheyAre) {
    const auto listeners = open_listeners({"127.0.0.1:0", "[::1]:0", "localhost:0"});
    ASSERT_TRUE(listeners) << listeners.error().message;
    ASSERT_EQ(listeners->size(), 3U);
    EXPECT_THAT(local_address((*listeners)[0].get()), StartsWith("127.0.0.1:"));
    EXPECT_THAT(local_address((*listeners)[1].get()), StartsWith("[::1]:"));
    EXPECT_THAT(local_address((*listeners)[2].get()), StartsWith("127.0.0.1:"));
    EXPECT_NE(port_of((*listeners)[0]), "0");
    EXPECT_EQ(local_address(-1), "");
}

TEST(Listeners, AreNonBlockingAndNotInherited) {
    const auto listeners = open_listeners({"127.0.0.1:0"});
    ASSERT_TRUE(listeners);
    const int fd = listeners->front().get();
    EXPECT_NE(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Listeners, AllAddressesMeansBothFamilies) {
    for (const std::string address : {":0", "*:0", "[::]:0"}) {
        const auto listeners = open_listeners({address});
        ASSERT_TRUE(listeners) << listeners.error().message;
        const std::string port = port_of(listeners->front());
        EXPECT_TRUE(answers("127.0.0.1", port)) << address;
        EXPECT_TRUE(answers("[::1]", port)) << address;
    }

    const auto v4 = open_listeners({"0.0.0.0:0"});
    ASSERT_TRUE(v4);
    EXPECT_TRUE(answers("127.0.0.1", port_of(v4->front())));
    EXPECT_FALSE(answers("[::1]", port_of(v4->front())));
}

TEST(Listeners, BothFamiliesMayBeListedWithOnePort) {
    const std::string port = free_port();
    for (const std::vector<std::string>& addresses :
         std::vector<std::vector<std::string>>{{"0.0.0.0:" + port, "[::]:" + port},
                                               {"[::]:" + port, "127.0.0.1:" + port},
                                               {":" + port, "0.0.0.0:" + port}}) {
        const auto listeners = open_listeners(addresses);
        ASSERT_TRUE(listeners) << listeners.error().message;
        EXPECT_TRUE(answers("127.0.0.1", port));
        EXPECT_TRUE(answers("[::1]", port));
    }
}

TEST(Listeners, SayThatAPortIsInUse) {
    const auto listeners = open_listeners({"127.0.0.1:0"});
    ASSERT_TRUE(listeners);
    const std::string address = local_address(listeners->front().get());
    const auto again = open_listeners({"[::1]:0", address});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message, "http.listen: " + address +
                                         ": address already in use by another program; choose another port or stop it");
    EXPECT_EQ(again.error().code, EADDRINUSE);
}

TEST(Listeners, RefuseWhatIsNoAddress) {
    for (const std::string text : {"", "9090", "127.0.0.1", "::1:9090", "::1", "[127.0.0.1]:1", "[::1]", "[::1:9090"}) {
        EXPECT_THAT(error_of({text}), StartsWith("http.listen: " + text + ": ")) << text;
        EXPECT_THAT(error_of({text}), HasSubstr("write host:port")) << text;
    }
    for (const std::string port : {"", "x", "65536", "-1", "+1", " 1", "99999999999", "80 "}) {
        EXPECT_THAT(error_of({"127.0.0.1:" + port}), HasSubstr("no valid port")) << port;
    }
    for (const std::string host : {"example.org", "127.0.0.256", "127.1", "0x7f000001", "[zz::1]"}) {
        EXPECT_THAT(error_of({host + ":0"}), HasSubstr("not an IP address")) << host;
    }
    EXPECT_THAT(error_of({"127.0.0.1:1234", "localhost:1234"}), HasSubstr("localhost:1234: is listed twice"));
    EXPECT_THAT(error_of({":1234", "[::]:1234"}), HasSubstr("listed twice"));
    EXPECT_THAT(error_of({"192.0.2.1:0"}), HasSubstr("no such address"));
}

}  // namespace
}  // namespace leasehold::metrics
