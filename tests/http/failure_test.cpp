// SPDX-License-Identifier: Apache-2.0
//
// Requests that are not answered, or not by what they should be.
#include "election/stores/http/curl_library.h"
#include "tests/http/support.h"

namespace leasehold::stores::http {
namespace {

using Way = Reply::Way;
using Greeting = ScriptedServer::Greeting;

constexpr Duration kShort = milliseconds(400);  // for deadlines that are meant to pass

class FailureTest : public BothWaysTest {};
INSTANTIATE_TEST_SUITE_P(, FailureTest, testing::Bool(), way_name);

TEST_P(FailureTest, never_answered) {
    server_->queue(Reply::by(Way::silence));
    const Instant start = now();
    const Answer answer = put("/x", "{}", kShort);
    EXPECT_EQ(answer.failure, Failure::timeout);
    EXPECT_TRUE(answer.sent);
    EXPECT_GE(now().boot - start.boot, kShort);
    EXPECT_THAT(answer.detail, HasSubstr(server_->authority() + " did not answer within 400ms"));
    EXPECT_TRUE(server_->wait_until([&] { return server_->open_connections() == 0; })) << "it is closed, not kept";
    EXPECT_EQ(server_->request_count(), 1U);
}

TEST_P(FailureTest, accepted_and_left_alone) {
    server_->greet([](int) { return Greeting::silence; });
    const Answer answer = put("/x", "{}", kShort);
    EXPECT_EQ(answer.failure, Failure::timeout);
    EXPECT_EQ(answer.sent, !GetParam()) << "nothing of a request leaves before the TLS handshake is done";
    EXPECT_THAT(answer.detail, HasSubstr(GetParam() ? "no TLS connection with" : "did not answer"));
}

TEST_P(FailureTest, a_connection_may_have_less_time_than_the_answer) {
    const auto hole = servers::BlackHole::make("127.0.0.2", server_->port());
    ASSERT_TRUE(hole);
    Peer peer = peer_of(*server_);
    peer.base_url.replace(peer.base_url.find("127.0.0.1"), 9, "127.0.0.2");
    connect(peer);
    Request request = getting("/x");
    request.connect_timeout = kShort;
    std::optional<Answer> ended;
    const auto stream = client_->stream(request, kGenerous * 10, Duration::zero(),
                                        {.opened = {}, .data = {}, .ended = [&](Answer answer) { ended = answer; }});
    ASSERT_TRUE(turn_until([&] { return ended.has_value(); }));
    EXPECT_EQ(ended->failure, Failure::timeout);
    EXPECT_FALSE(ended->sent);
    EXPECT_THAT(ended->detail, HasSubstr("no connection to"));
    EXPECT_THAT(ended->detail, HasSubstr("within 400ms"));
}

TEST_P(FailureTest, a_slow_drip_runs_into_the_deadline) {
    server_->queue(Reply::drip(std::string(5000, 'x'), 1, milliseconds(5)));
    const Answer answer = get("/x", kShort);
    EXPECT_EQ(answer.failure, Failure::timeout);
    EXPECT_TRUE(answer.sent);
}

TEST_P(FailureTest, an_answer_that_never_ends) {
    const auto feed = std::make_shared<Feed>();
    feed->push("the beginning");
    server_->queue(Reply::stream(feed));
    const Answer answer = get("/x", seconds(2));
    EXPECT_EQ(answer.failure, Failure::timeout);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "the beginning");
    EXPECT_THAT(answer.detail, HasSubstr("was not complete within 2s"));
}

TEST_P(FailureTest, a_deadline_that_has_passed_before) {
    for (const Duration timeout : {Duration::zero(), Duration(-seconds(1))}) {
        const Answer answer = get("/x", timeout);
        EXPECT_EQ(answer.failure, Failure::timeout);
        EXPECT_FALSE(answer.sent);
    }
    EXPECT_EQ(server_->connections(), 0);
}

TEST_P(FailureTest, refused) {
    const std::string authority = server_->authority();
    server_.reset();
    const Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::connect);
    EXPECT_FALSE(answer.sent);
    EXPECT_THAT(answer.detail, HasSubstr("connecting to " + authority + " was refused"));
    EXPECT_STREQ(label_of(answer.failure), "connect");
}

TEST_P(FailureTest, no_such_name) {
    Peer peer = peer_of(*server_);
    peer.base_url = "https://nowhere.invalid:1";
    connect(peer);
    const Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::resolve);
    EXPECT_FALSE(answer.sent);
    EXPECT_THAT(answer.detail, HasSubstr("nowhere.invalid"));
}

TEST_P(FailureTest, an_answer_lost_after_the_request_was_carried_out) {
    for (const Way way : {Way::close, Way::reset}) {
        server_->queue(Reply::by(way));
        const Answer answer = put("/x", "{}");
        EXPECT_EQ(answer.failure, Failure::unanswered) << answer.detail;
        EXPECT_TRUE(answer.sent);
        EXPECT_THAT(answer.detail, HasSubstr(server_->authority()));
    }
    EXPECT_EQ(server_->request_count(), 2U);
}

TEST_P(FailureTest, reset_or_closed_at_once) {
    for (const Greeting greeting : {Greeting::reset, Greeting::close}) {
        server_->greet([greeting](int) { return greeting; });
        const Answer answer = put("/x", "{}");
        if (GetParam()) {
            EXPECT_THAT(answer.failure, testing::AnyOf(Failure::tls, Failure::connect)) << answer.detail;
            EXPECT_FALSE(answer.sent);
        } else {
            EXPECT_THAT(answer.failure, testing::AnyOf(Failure::unanswered, Failure::connect)) << answer.detail;
        }
    }
    EXPECT_EQ(server_->request_count(), 0U);
}

// The kept connection is closed just when the next request has been read.
TEST_P(FailureTest, a_write_on_a_dead_connection_is_not_repeated) {
    for (const char* method : {"PUT", "POST", "PATCH", "DELETE"}) {
        for (const Way way : {Way::close, Way::reset}) {
            SCOPED_TRACE(method);
            serve(options());
            server_->queue(Reply::json(200, "{}"));
            EXPECT_EQ(get("/first").status, 200);
            server_->queue(Reply::by(way));
            server_->handle([](const servers::Request&) { return Reply::json(200, "repeated"); });
            Request request = putting("/x", std::string(method) == "DELETE" ? "" : "{}");
            request.method = method;
            const Answer answer = ask(request);
            EXPECT_EQ(answer.failure, Failure::unanswered) << answer.detail;
            EXPECT_STREQ(label_of(answer.failure), "reset");
            EXPECT_TRUE(answer.sent);
            EXPECT_EQ(server_->request_count(), 2U) << "it was seen twice";
            EXPECT_EQ(server_->requests().back().connection, 1);
            EXPECT_EQ(get("/next").body, "repeated") << "the next request works again";
        }
    }
}

// Shows that the case above is one in which libcurl does repeat.
TEST_P(FailureTest, a_read_on_a_dead_connection_is_repeated) {
    server_->queue(Reply::json(200, "{}"));
    EXPECT_EQ(get("/first").status, 200);
    server_->queue(Reply::by(Way::close));
    server_->queue(Reply::json(200, "repeated"));
    EXPECT_EQ(get("/x").body, "repeated");
    EXPECT_EQ(server_->request_count(), 3U);
    EXPECT_EQ(server_->requests().back().connection, 2);
}

TEST_P(FailureTest, a_connection_that_ends_within_a_large_body_raises_no_signal) {
    server_->greet([](int) { return Greeting::deaf; });
    std::optional<Answer> answer;
    client_->send(putting("/x", std::string(64 << 20, 'x')), kGenerous,
                  [&](Answer given) { answer = std::move(given); });
    // Until all buffers are full, so that more is sent when the connection ends.
    for (int quiet = 0; quiet < 10; ++quiet) ASSERT_TRUE(loop_->run_once(milliseconds(20)));
    ASSERT_TRUE(turn_until([&] { return server_->open_connections() == 1; }));
    server_->disconnect();
    ASSERT_TRUE(turn_until([&] { return answer.has_value(); }));
    EXPECT_EQ(answer->failure, Failure::unanswered) << answer->detail;
    EXPECT_TRUE(answer->sent);
}

TEST_P(FailureTest, a_truncated_body) {
    server_->queue(Reply::truncated(R"({"kind":)", 10));
    const Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::unanswered);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"kind":)");
    EXPECT_THAT(answer.detail, HasSubstr("in the middle of the answer"));
}

TEST_P(FailureTest, a_torn_chunked_body) {
    const auto feed = std::make_shared<Feed>();
    feed->push("some");
    feed->tear();
    server_->queue(Reply::stream(feed));
    const Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::unanswered) << answer.detail;
    EXPECT_EQ(answer.body, "some");
}

TEST_P(FailureTest, no_http) {
    server_->queue(Reply::raw("SSH-2.0-OpenSSH_9.2\r\n"));
    Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::malformed) << answer.detail;
    EXPECT_TRUE(answer.sent);
    EXPECT_THAT(answer.detail, HasSubstr("not HTTP"));
    server_->queue(Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n"));
    answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::malformed) << answer.detail;
    server_->queue(Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx"));
    answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::malformed) << answer.detail;
}

TEST_P(FailureTest, too_large_a_body) {
    server_->handle([](const servers::Request&) { return Reply::json(200, std::string(100000, 'x')); });
    Request request = getting("/x");
    request.body_limit = 100000;
    EXPECT_EQ(ask(request).failure, Failure::none);
    request.body_limit = 99999;
    const Answer answer = ask(request);
    EXPECT_EQ(answer.failure, Failure::too_large);
    EXPECT_LE(answer.body.size(), 99999U);
    EXPECT_THAT(answer.detail, HasSubstr("99999"));
}

TEST_P(FailureTest, large_headers_and_too_large_ones) {
    Reply reply = Reply::json(200, "{}");
    for (int i = 0; i < 20; ++i) reply.headers.push_back("X-" + std::to_string(i) + ": " + std::string(10000, 'x'));
    server_->queue(reply);
    EXPECT_EQ(get("/x").headers.at("x-19").size(), 10000U);
    for (int i = 20; i < 40; ++i) reply.headers.push_back("X-" + std::to_string(i) + ": " + std::string(10000, 'x'));
    server_->queue(reply);
    EXPECT_EQ(get("/x").failure, Failure::too_large);
}

TEST_P(FailureTest, what_would_be_a_request_of_its_own_is_not_sent) {
    Request request = getting("/x");
    request.headers = {"Authorization: Bearer a\r\nX-Other: b"};
    Answer answer = ask(request);
    EXPECT_EQ(answer.failure, Failure::malformed);
    EXPECT_FALSE(answer.sent);
    EXPECT_THAT(answer.detail, HasSubstr("line break"));
    EXPECT_THAT(answer.detail, testing::Not(HasSubstr("Bearer")));
    EXPECT_EQ(get("/x\r\nX-Other: b").failure, Failure::malformed);
    EXPECT_EQ(server_->connections(), 0);
}

TEST_P(FailureTest, a_peer_that_makes_no_sense_fails_each_request) {
    Peer peer = peer_of(*server_);
    peer.base_url = "ftp://127.0.0.1";
    client_->set_peer(peer);
    const Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::connect);
    EXPECT_THAT(answer.detail, HasSubstr("'ftp://127.0.0.1' is not the URL of a server"));
    client_->set_peer(peer_of(*server_));
    EXPECT_EQ(get("/x").failure, Failure::none);
}

class UrlTest : public HttpTest {};

TEST_F(UrlTest, what_makes_no_sense_is_refused) {
    for (const char* url : {"", "nonsense here", "https://", "https://[::1", "https://a:99999", "file:///etc/passwd",
                            "https://a/?query", "https://a/#part", "https://user:secret@a"}) {
        Peer peer;
        peer.base_url = url;
        const auto client = Client::create(*loop_, peer);
        ASSERT_FALSE(client) << url;
        EXPECT_THAT(client.error().message, HasSubstr("URL"));
        EXPECT_THAT(client.error().message, testing::Not(HasSubstr("secret")));
    }
    Peer peer;
    peer.base_url = "https://a";
    peer.server_name = "not a name";
    EXPECT_FALSE(Client::create(*loop_, peer));
}

TEST(CurlLibraryTest, a_missing_library_says_what_to_install) {
    const auto missing = load_curl_library("libcurl.so.99");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, HasSubstr("install the package libcurl4"));
    const auto other = load_curl_library("libm.so.6");
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message, HasSubstr("install the package libcurl4"));
    ASSERT_TRUE(curl_library());
    EXPECT_EQ(*curl_library(), *curl_library());
}

}  // namespace
}  // namespace leasehold::stores::http
