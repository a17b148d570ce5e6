// SPDX-License-Identifier: Apache-2.0
//
// Clients that stall must cost themselves, and nobody else. No test here asserts a speed: a probe is answered, or it is
// not.
#include <deque>

#include <gtest/gtest.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "http_client.h"

namespace leasehold::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kHalf = "GET / HTTP/1.1\r\nHost: te";
const std::string kWhole = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

class StalledClientsTest : public ServerTest {
protected:
    void SetUp() override {
        ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
        rlimit raised = before_;
        raised.rlim_cur = raised.rlim_max == RLIM_INFINITY ? 8192 : std::min<rlim_t>(raised.rlim_max, 8192);
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &raised), 0);
    }
    void TearDown() override { ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }

    // Connects `count` clients that send `text` and then nothing more.
    void stall(std::size_t count, const std::string& text) {
        for (std::size_t i = 0; i < count; ++i) {
            stalled_.push_back(connect());
            ASSERT_TRUE(stalled_.back().connected());
            ASSERT_TRUE(text.empty() || stalled_.back().send(text));
            if (i % 8 != 0) continue;
            ASSERT_TRUE(loop_->run_once(Duration::zero()));
        }
    }

    std::size_t still_open() {
        std::size_t open = 0;
        for (Client& client : stalled_) {
            client.receive();
            if (!client.closed) ++open;
        }
        return open;
    }

    std::deque<Client> stalled_;
    rlimit before_{};
};

TEST_F(StalledClientsTest, SilentAndHalfRequestsDelayNobody) {
    start({"127.0.0.1:0"}, {.connections_of_a_peer = 256});
    stall(110, "");
    stall(110, kHalf);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(get("/").status, 200);
    EXPECT_EQ(still_open(), stalled_.size()) << "there was room for all of them";
}

TEST_F(StalledClientsTest, DrippingClientsDelayNobodyAndAreEnded) {
    start({"127.0.0.1:0"}, {.request_time = seconds(1)});
    stall(200, "G");
    int answered = 0;
    // Every round each of them sends one byte more of a header that never ends.
    EXPECT_TRUE(until([&] {
        for (Client& client : stalled_) client.send("E");
        if (get("/").status == 200) ++answered;
        return still_open() == 0;
    })) << still_open()
        << " are still open: each byte started their time anew";
    EXPECT_GT(answered, 0);
    EXPECT_EQ(get("/").status, 200);
}

TEST_F(StalledClientsTest, AnInactivityTimeoutAloneWouldNotEndThem) {
    start({"127.0.0.1:0"}, {.request_time = std::chrono::hours(1)});
    stall(20, "G");
    const Instant begin = now();
    EXPECT_TRUE(until([&] {
        for (Client& client : stalled_) client.send("E");
        return elapsed_at_least(begin, now()) > seconds(2);
    }));
    EXPECT_EQ(still_open(), stalled_.size());
}

TEST_F(StalledClientsTest, MoreThanAllConnectionsDoNotKeepAProbeOut) {
    // Time limits so long that only making room can help.
    start({"127.0.0.1:0"}, {.connections_of_a_peer = 1000, .request_time = std::chrono::hours(1)});
    stall(2000, kHalf);
    EXPECT_EQ(get("/").status, 200);
    EXPECT_TRUE(until([&] { return still_open() <= HttpLimits{}.connections; })) << still_open();
    EXPECT_EQ(get("/").status, 200);
    EXPECT_GT(still_open(), 0U) << "more were ended than had to be";
}

TEST_F(StalledClientsTest, OneAddressTakesNoMoreThanItsShare) {
    start({"127.0.0.1:0", "[::1]:0"},
          {.connections = 256, .connections_of_a_peer = 20, .request_time = std::chrono::hours(1)});
    Client other = connect(1);
    ASSERT_TRUE(other.send("GET /other HTTP/1.1\r\nHost: te"));
    ASSERT_TRUE(loop_->run_once(Duration::zero()));
    stall(100, kHalf);
    EXPECT_EQ(get("/").status, 200);
    EXPECT_TRUE(until([&] { return still_open() <= 20; })) << still_open();
    EXPECT_GT(still_open(), 10U) << "more were ended than had to be";
    other.send("st\r\n\r\n");
    EXPECT_EQ(answer(other).status, 200) << "it was ended in their place";
}

TEST_F(StalledClientsTest, AFloodOfOneAddressCostsNoOther) {
    start({"127.0.0.1:0", "[::1]:0"},
          {.connections = 16, .connections_of_a_peer = 1000, .request_time = std::chrono::hours(1)});
    Client other = connect(1);
    ASSERT_TRUE(other.send("GET /other HTTP/1.1\r\nHost: te"));
    ASSERT_TRUE(loop_->run_once(Duration::zero()));
    stall(200, kHalf);
    other.send("st\r\n\r\n");
    EXPECT_EQ(answer(other).status, 200);
}

// What the one above would look like if the library had the listening socket: the checker can fail.
TEST_F(StalledClientsTest, AServerThatStopsAcceptingKeepsAProbeOut) {
    start({});
    auto listeners = open_listeners({"127.0.0.1:0"});
    ASSERT_TRUE(listeners);
    listener_fds_.push_back(listeners->front().get());
    const MHD_AccessHandlerCallback never = [](void*, MHD_Connection*, const char*, const char*, const char*,
                                               const char*, std::size_t*, void**) { return MHD_NO; };
    MHD_Daemon* daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, nullptr, nullptr, never, nullptr, MHD_OPTION_LISTEN_SOCKET,
                         listeners->front().release(), MHD_OPTION_CONNECTION_LIMIT, 8U, MHD_OPTION_END);
    ASSERT_NE(daemon, nullptr);
    const int epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    ASSERT_TRUE(loop_->watch(epoll, EPOLLIN, [&](std::uint32_t) { MHD_run(daemon); }));
    stall(8, kHalf);
    Client prober = connect();
    prober.send(kWhole);
    const Instant begin = now();
    EXPECT_TRUE(until([&] { return elapsed_at_least(begin, now()) > milliseconds(300); }));
    prober.receive();
    EXPECT_TRUE(prober.received.empty() && !prober.closed) << "it was not kept out";
    loop_->unwatch(epoll);
    MHD_stop_daemon(daemon);
}

TEST_F(StalledClientsTest, ProbesAreAnsweredWhileTheFloodGoesOn) {
    start({"127.0.0.1:0"}, {.connections = 32});
    for (int round = 0; round < 50; ++round) {
        stall(40, round % 2 == 0 ? kHalf : "");
        EXPECT_EQ(get("/").status, 200) << round;
        stalled_.erase(stalled_.begin(), stalled_.begin() + static_cast<std::ptrdiff_t>(stalled_.size() / 2));
    }
}

TEST_F(StalledClientsTest, EveryConnectionIsFreeAgainAfterTheTimeLimit) {
    start({"127.0.0.1:0"}, {.request_time = milliseconds(300)});
    stall(200, kHalf);
    EXPECT_TRUE(until([&] { return still_open() == 0; }));
    EXPECT_EQ(get("/").status, 200);
}

TEST_F(StalledClientsTest, IdleConnectionsEndAfterTheirTime) {
    start({"127.0.0.1:0"}, {.idle_time = milliseconds(300)});
    Client client = connect();
    client.send(kWhole);
    EXPECT_EQ(answer(client).status, 200);
    client.send("G");  // the beginning of a next request does not prolong it
    EXPECT_TRUE(until([&] {
        client.receive();
        return client.closed;
    }));
}

TEST_F(StalledClientsTest, AKeptConnectionOutlivesTheTimeOfItsFirstRequest) {
    start({"127.0.0.1:0"}, {.request_time = milliseconds(200)});
    Client client = connect();
    client.send(kWhole);
    EXPECT_EQ(answer(client).status, 200);
    const Instant begin = now();
    EXPECT_TRUE(until([&] { return elapsed_at_least(begin, now()) > milliseconds(600); }));
    client.send(kWhole);
    EXPECT_EQ(answer(client).status, 200);
}

TEST_F(StalledClientsTest, ClientsThatDoNotReadAreEnded) {
    const std::string large(16 << 20, 'x');  // more than the kernel's buffers take
    start({"127.0.0.1:0"}, [&](const HttpRequest& seen) { return HttpResponse{.body = seen.path == "/" ? large : ""}; },
          {.response_time = milliseconds(300)});
    Client client = connect();
    client.send(kWhole);
    Client prober = connect();
    prober.send("GET /small HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(answer(prober).status, 200);
    const Instant begin = now();
    EXPECT_TRUE(until([&] { return elapsed_at_least(begin, now()) > milliseconds(600); }));
    EXPECT_TRUE(until([&] {
        client.receive();
        return client.closed;
    }));
    EXPECT_LT(client.received.size(), large.size());
}

TEST_F(StalledClientsTest, RunningOutOfDescriptorsIsSurvived) {
    start({"127.0.0.1:0"});
    stall(20, kHalf);
    ASSERT_TRUE(until([&] { return get("/").status == 200; }));
    Client prober = connect();
    ASSERT_TRUE(prober.send(kWhole));
    rlimit none = before_;
    none.rlim_cur = 3;  // every descriptor above that is refused from now on; the open ones stay
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(loop_->run_once(milliseconds(1)));
    prober.receive();
    EXPECT_EQ(prober.received, "");
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0);
    EXPECT_EQ(answer(prober).status, 200);
}

}  // namespace
}  // namespace leasehold::metrics
