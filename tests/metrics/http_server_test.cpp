// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_server.h"

#include <filesystem>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http_client.h"

namespace leasehold::metrics {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

const std::string kHost = "Host: test\r\n";

class HttpServerTest : public ServerTest {};

TEST_F(HttpServerTest, AnswersOverBothFamilies) {
    start({"127.0.0.1:0", "[::1]:0"});
    for (const std::size_t listener : {0U, 1U}) {
        const Answer answer = get("/some/path", listener);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "hello /some/path");
        EXPECT_EQ(answer.headers.at("content-type"), "text/plain; charset=utf-8");
        EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
    }
    EXPECT_EQ(requests_.at(0).method, "GET");
    EXPECT_FALSE(requests_.at(0).verbose);
    EXPECT_EQ(requests_.at(0).accept, "");
}

TEST_F(HttpServerTest, HandlerSeesQueryAndAccept) {
    start({"127.0.0.1:0"});
    request("GET /a%20b?verbose HTTP/1.1\r\n" + kHost + "Accept: text/html,*/*\r\n\r\n");
    get("/?x=1&verbose=true");
    get("/?verbosely=1");
    ASSERT_EQ(requests_.size(), 3U);
    EXPECT_EQ(requests_[0].path, "/a b");
    EXPECT_TRUE(requests_[0].verbose);
    EXPECT_EQ(requests_[0].accept, "text/html,*/*");
    EXPECT_TRUE(requests_[1].verbose);
    EXPECT_FALSE(requests_[2].verbose);
}

TEST_F(HttpServerTest, HeadHasTheHeadersOnly) {
    start({"127.0.0.1:0"});
    Client client = connect();
    client.send("HEAD /x HTTP/1.1\r\n" + kHost + "\r\n");
    const Answer head = answer(client, true);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.at("content-length"), "8");
    client.send("GET /x HTTP/1.1\r\n" + kHost + "\r\n");
    EXPECT_EQ(answer(client).body, "hello /x") << "the connection is out of step";
}

TEST_F(HttpServerTest, OptionsHasTheStatusAndWhatIsAllowed) {
    start({"127.0.0.1:0"},
          [](const HttpRequest& seen) { return HttpResponse{.status = seen.path == "/no" ? 503 : 200, .body = "x"}; },
          {});
    const Answer yes = request("OPTIONS /yes HTTP/1.0\r\n\r\n");
    EXPECT_EQ(yes.status, 200);
    EXPECT_EQ(yes.headers.at("allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(yes.body, "");
    EXPECT_EQ(request("OPTIONS /no HTTP/1.1\r\n" + kHost + "\r\n").status, 503);
}

TEST_F(HttpServerTest, OtherMethodsAreRefused) {
    start({"127.0.0.1:0"});
    for (const std::string method : {"POST", "PUT", "DELETE", "PATCH", "BREW", "get"}) {
        const Answer answer = request(method + " /x HTTP/1.1\r\n" + kHost + "Content-Length: 0\r\n\r\n");
        EXPECT_EQ(answer.status, 405) << method;
        EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD, OPTIONS") << method;
    }
    EXPECT_TRUE(requests_.empty());
}

TEST_F(HttpServerTest, BodiesAreRefusedAndNotWaitedFor) {
    start({"127.0.0.1:0"});
    for (const std::string method : {"POST", "GET"}) {
        const std::string start_line = method + " /x HTTP/1.1\r\n" + kHost;
        const int expected = method == "GET" ? 413 : 405;
        EXPECT_EQ(request(start_line + "Content-Length: 1000000000\r\n\r\nabc").status, expected);
        EXPECT_EQ(request(start_line + "Transfer-Encoding: chunked\r\n\r\n").status, expected);
    }
}

TEST_F(HttpServerTest, ConnectionsAreKept) {
    start({"127.0.0.1:0"});
    Client client = connect();
    for (int i = 0; i < 3; ++i) {
        client.send("GET /" + std::to_string(i) + " HTTP/1.1\r\n" + kHost + "\r\n");
        EXPECT_EQ(answer(client).body, "hello /" + std::to_string(i));
        EXPECT_FALSE(client.closed);
    }
    client.send("GET /last HTTP/1.1\r\n" + kHost + "Connection: close\r\n\r\n");
    EXPECT_EQ(answer(client).body, "hello /last");
    EXPECT_TRUE(until([&] {
        client.receive();
        return client.closed;
    }));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
    start({"127.0.0.1:0"});
    Client client = connect();
    std::string requests;
    for (int i = 0; i < 20; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\n" + kHost + "\r\n";
    ASSERT_TRUE(client.send(requests));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(answer(client).body, "hello /" + std::to_string(i));
}

TEST_F(HttpServerTest, ARequestMayComeInPieces) {
    start({"127.0.0.1:0"});
    Client client = connect();
    for (const char c : "GET /slow HTTP/1.1\r\n" + kHost + "\r\n") {
        ASSERT_TRUE(client.send(std::string(1, c)));
        ASSERT_TRUE(loop_->run_once(milliseconds(1)));
    }
    EXPECT_EQ(answer(client).body, "hello /slow");
}

TEST_F(HttpServerTest, LargeAnswersArriveWhole) {
    const std::string large(4 << 20, 'x');
    start({"127.0.0.1:0"}, [&](const HttpRequest&) { return HttpResponse{.body = large}; }, {});
    EXPECT_EQ(get("/").body.size(), large.size());
}

TEST_F(HttpServerTest, AnswersAreCompressedForThoseWhoAskForIt) {
    const std::string large(5000, 'x');
    start({"127.0.0.1:0"},
          [&](const HttpRequest& seen) {
              return HttpResponse{.body = seen.path == "/" ? large : "small", .vary = "Accept"};
          },
          {});
    const std::string asking = " HTTP/1.1\r\n" + kHost + "Accept-Encoding: br;q=1.0, gzip;q=0.8\r\n\r\n";
    const Answer packed = request("GET /" + asking);
    EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
    EXPECT_EQ(packed.headers.at("vary"), "Accept, Accept-Encoding");
    EXPECT_LT(packed.body.size(), 200U);
    EXPECT_EQ(packed.body.substr(0, 2), "\x1f\x8b");
    const Answer head = request("HEAD /" + asking);
    EXPECT_EQ(head.headers.at("content-length"), packed.headers.at("content-length"));
    const Answer plain = get("/");
    EXPECT_EQ(plain.body, large);
    EXPECT_EQ(plain.headers.count("content-encoding"), 0U);
    EXPECT_EQ(plain.headers.at("vary"), "Accept, Accept-Encoding") << "caches have to know";
    EXPECT_EQ(request("GET /small" + asking).body, "small");
}

TEST_F(HttpServerTest, GarbageIsRefusedAndHarmsNobody) {
    start({"127.0.0.1:0"}, {.request_time = milliseconds(500)});
    std::string zeros(1000, '\0');
    for (const std::string& garbage :
         {std::string("\x16\x03\x01 not http\r\n\r\n"), std::string("\r\n\r\n\r\n\r\n"), std::string("GET\r\n\r\n"),
          zeros + "\r\n\r\n", std::string("GET / HTTP/9.9\r\n\r\n"),
          std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n")}) {
        Client client = connect();
        client.send(garbage);
        shutdown(client.fd(), SHUT_WR);
        EXPECT_TRUE(until([&] {
            client.receive();
            return client.closed;
        })) << garbage;
        EXPECT_EQ(get("/fine").status, 200) << garbage;
    }
}

TEST_F(HttpServerTest, HugeHeadersAreRefused) {
    start({"127.0.0.1:0"});
    const std::string huge(100 * 1024, 'a');
    for (const std::string& text : {"GET /" + huge + " HTTP/1.1\r\n" + kHost + "\r\n",
                                    "GET / HTTP/1.1\r\n" + kHost + "X: " + huge + "\r\n\r\n"}) {
        const Answer answer = request(text);
        EXPECT_GE(answer.status, 400);
        EXPECT_LT(answer.status, 500);
    }
    EXPECT_EQ(get("/fine").status, 200);
}

TEST_F(HttpServerTest, AFailingHandlerCostsOneAnswer) {
    start({"127.0.0.1:0"},
          [](const HttpRequest& seen) -> HttpResponse {
              if (seen.path == "/throw") throw std::runtime_error("no");
              return {};
          },
          {});
    EXPECT_EQ(get("/throw").status, 500);
    EXPECT_EQ(get("/").status, 200);
}

TEST_F(HttpServerTest, ClientsThatLeaveEarlyAreForgotten) {
    start({"127.0.0.1:0"}, {.connections = 4});
    for (int i = 0; i < 50; ++i) {
        Client client = connect();
        client.send("GET / HTTP/1.1\r\n" + kHost + "\r\n");
        if (i % 2 == 1) continue;
        ASSERT_TRUE(loop_->run_once(milliseconds(1)));
    }
    EXPECT_EQ(get("/").status, 200);
}

TEST_F(HttpServerTest, IdleServerIsNotWokenUp) {
    start({"127.0.0.1:0"});
    Client kept = connect();
    kept.send("GET / HTTP/1.1\r\n" + kHost + "\r\n");
    EXPECT_EQ(answer(kept).status, 200);
    const auto quiet = [&] {
        const Instant begin = now();
        EXPECT_TRUE(loop_->run_once(milliseconds(200)));
        return elapsed_at_most(begin, now()) >= milliseconds(199);
    };
    EXPECT_TRUE(until(quiet)) << "with an idle connection";
    kept = Client();
    EXPECT_TRUE(until(quiet)) << "without one";
}

TEST_F(HttpServerTest, HasNoThreads) {
    const auto threads = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                             std::filesystem::directory_iterator());
    };
    const auto before = threads();
    start({"127.0.0.1:0", "[::1]:0"});
    EXPECT_EQ(get("/").status, 200);
    EXPECT_EQ(threads(), before);
}

TEST_F(HttpServerTest, StopsWithOpenConnections) {
    start({"127.0.0.1:0"});
    Client idle = connect();
    Client half = connect();
    half.send("GET / HT");
    EXPECT_EQ(get("/").status, 200);
    const auto open_fds = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                             std::filesystem::directory_iterator());
    };
    const auto before = open_fds();
    server_.reset();
    EXPECT_LE(open_fds(), before - 3) << "listener and two connections";
    idle.receive();
    half.receive();
    EXPECT_TRUE(idle.closed && half.closed);
    EXPECT_TRUE(loop_->run_once(milliseconds(1)));
}

TEST_F(HttpServerTest, NoListenersServeNothing) {
    start({});
    EXPECT_TRUE(loop_->run_once(milliseconds(1)));
}

}  // namespace
}  // namespace leasehold::metrics
