// SPDX-License-Identifier: Apache-2.0
//
// Requests that are answered.
#include <cstdlib>

#include "tests/http/support.h"

namespace leasehold::stores::http {
namespace {

class RequestTest : public BothWaysTest {};
INSTANTIATE_TEST_SUITE_P(, RequestTest, testing::Bool(), way_name);

TEST_P(RequestTest, an_answer_comes_as_it_was_sent) {
    Reply reply = Reply::json(200, R"({"kind":"Lease"})");
    reply.headers.push_back("X-Several: one");
    reply.headers.push_back("X-Several: two");
    server_->queue(reply);
    const Answer answer = get("/apis?watch=false&labelSelector=a%3Db");
    EXPECT_EQ(answer.failure, Failure::none) << answer.detail;
    EXPECT_TRUE(answer.sent);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"kind":"Lease"})");
    EXPECT_EQ(answer.headers.at("content-type"), "application/json");
    EXPECT_EQ(answer.headers.at("x-several"), "one, two");
    const servers::Request seen = server_->requests().at(0);
    EXPECT_EQ(seen.method, "GET");
    EXPECT_EQ(seen.target, "/apis?watch=false&labelSelector=a%3Db");
    EXPECT_EQ(seen.headers.at("host"), server_->authority());
    EXPECT_FALSE(seen.headers.contains("accept-encoding"));
    EXPECT_FALSE(seen.headers.contains("user-agent"));
}

TEST_P(RequestTest, a_write_carries_its_headers_and_its_body) {
    server_->handle([](const servers::Request&) { return Reply::json(201, "{}"); });
    Request request = putting("/x", std::string(3 << 20, 'b'));
    request.headers.push_back("Authorization: Bearer secret");
    request.headers.push_back("User-Agent: leasehold/1");
    EXPECT_EQ(ask(request).status, 201);
    request.method = "PATCH";
    request.headers = {"Content-Type: application/merge-patch+json"};
    request.body = "{}";
    EXPECT_EQ(ask(request).status, 201);
    const auto seen = server_->requests();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].method, "PUT");
    EXPECT_EQ(seen[0].body.size(), std::size_t{3} << 20);
    EXPECT_EQ(seen[0].headers.at("content-type"), "application/json");
    EXPECT_EQ(seen[0].headers.at("authorization"), "Bearer secret");
    EXPECT_EQ(seen[0].headers.at("user-agent"), "leasehold/1");
    EXPECT_FALSE(seen[0].headers.contains("expect")) << "a large body waits for a permission";
    EXPECT_EQ(seen[1].method, "PATCH");
    EXPECT_EQ(seen[1].headers.at("content-type"), "application/merge-patch+json");
}

TEST_P(RequestTest, methods_without_a_body) {
    server_->handle([](const servers::Request&) { return Reply::text(200, "body"); });
    Request request = getting("/x");
    for (const char* method : {"DELETE", "POST", "HEAD", "OPTIONS"}) {
        request.method = method;
        const Answer answer = ask(request);
        EXPECT_EQ(answer.status, 200) << answer.detail;
        EXPECT_EQ(answer.body, request.method == "HEAD" ? "" : "body");
        const servers::Request seen = server_->requests().back();
        EXPECT_EQ(seen.method, method);
        EXPECT_EQ(seen.body, "");
        EXPECT_FALSE(seen.headers.contains("content-type"));
    }
}

TEST_P(RequestTest, every_status_is_an_answer) {
    for (const int status : {204, 304, 400, 401, 403, 404, 409, 410, 429, 500, 503}) {
        server_->queue(Reply::json(status, status == 204 || status == 304 ? "" : "{}"));
        const Answer answer = get("/x");
        EXPECT_EQ(answer.failure, Failure::none) << answer.detail;
        EXPECT_EQ(answer.status, status);
    }
    server_->queue(Reply::throttled(7));
    EXPECT_EQ(get("/x").headers.at("retry-after"), "7");
    server_->queue(Reply::html(502, "<html>"));
    EXPECT_EQ(get("/x").body, "<html>");
    EXPECT_EQ(server_->connections(), 1);
}

TEST_P(RequestTest, a_burst_of_refusals_makes_nothing_be_repeated) {
    server_->queue(Reply::json(401, "{}"), 5);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(get("/x").status, 401);
    EXPECT_EQ(server_->request_count(), 5U);
    EXPECT_EQ(server_->connections(), 1);
}

TEST_P(RequestTest, redirects_and_cookies_are_not_followed) {
    Reply reply = Reply::redirect(server_->url() + "/elsewhere");
    reply.headers.push_back("Set-Cookie: a=b");
    server_->queue(reply);
    EXPECT_EQ(get("/x").status, 302);
    get("/y");
    const auto seen = server_->requests();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[1].target, "/y");
    EXPECT_FALSE(seen[1].headers.contains("cookie"));
}

TEST_P(RequestTest, interim_answers_are_not_the_answer) {
    Reply reply = Reply::json(200, "{}");
    reply.interim = {100, 103};
    server_->queue(reply);
    const Answer answer = put("/x", "{}");
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.headers.contains("x-interim"));
}

TEST_P(RequestTest, chunks_make_one_body) {
    const auto feed = std::make_shared<Feed>();
    feed->push("one ");
    feed->push("two");
    feed->end();
    server_->queue(Reply::stream(feed));
    EXPECT_EQ(get("/x").body, "one two");
}

TEST_P(RequestTest, hundreds_of_requests_use_one_connection) {
    server_->handle([](const servers::Request& request) { return Reply::json(200, request.body); });
    for (int i = 0; i < 300; ++i) ASSERT_EQ(put("/x", std::to_string(i)).body, std::to_string(i));
    EXPECT_EQ(server_->request_count(), 300U);
    EXPECT_EQ(server_->connections(), 1);
}

TEST_P(RequestTest, several_at_once) {
    server_->handle([](const servers::Request& request) { return Reply::json(200, request.target); });
    int right = 0;
    for (int i = 0; i < 20; ++i) {
        std::string target = "/";
        target += std::to_string(i);
        client_->send(getting(target), kGenerous, [&right, target](const Answer& answer) {
            if (answer.body == target) ++right;
        });
    }
    EXPECT_TRUE(turn_until([&] { return right == 20; }));
}

TEST_P(RequestTest, a_request_may_follow_from_inside_a_callback) {
    server_->handle([](const servers::Request&) { return Reply::json(200, ""); });
    int left = 5;
    std::function<void(Answer)> next = [&](const Answer& answer) {
        EXPECT_EQ(answer.status, 200);
        if (--left > 0) client_->send(getting("/x"), kGenerous, next);
    };
    client_->send(getting("/x"), kGenerous, next);
    EXPECT_TRUE(turn_until([&] { return left == 0; }));
    EXPECT_EQ(server_->connections(), 1);
}

TEST_P(RequestTest, a_connection_that_the_server_gave_up_in_time_costs_nothing) {
    server_->handle([](const servers::Request&) { return Reply::json(200, ""); });
    EXPECT_EQ(put("/x", "1").status, 200);
    server_->disconnect();
    ASSERT_TRUE(server_->wait_until([&] { return server_->open_connections() == 0; }));
    EXPECT_EQ(put("/x", "2").status, 200);
    EXPECT_EQ(server_->request_count(), 2U);
    EXPECT_EQ(server_->connections(), 2);
}

TEST_P(RequestTest, a_fresh_connection_is_another_one) {
    server_->handle([](const servers::Request&) { return Reply::json(200, ""); });
    EXPECT_EQ(get("/x").status, 200);
    EXPECT_EQ(ask(fresh("/x")).status, 200);
    EXPECT_EQ(server_->requests().at(1).connection, 2);
}

TEST_P(RequestTest, dropped_connections_are_not_used_again) {
    server_->handle([](const servers::Request&) { return Reply::json(200, ""); });
    // Two at once, so that two are kept.
    int answered = 0;
    for (int i = 0; i < 2; ++i) client_->send(getting("/x"), kGenerous, [&](const Answer&) { ++answered; });
    client_->drop_connections();  // what is under way goes on
    EXPECT_TRUE(turn_until([&] { return answered == 2; }));
    EXPECT_EQ(get("/x").status, 200);
    EXPECT_EQ(get("/x").status, 200);
    EXPECT_EQ(server_->requests().at(2).connection, 3);
    EXPECT_EQ(server_->requests().at(3).connection, 3);
}

TEST_P(RequestTest, the_path_of_the_url_comes_first) {
    server_->handle([](const servers::Request& request) { return Reply::json(200, request.target); });
    Peer peer = peer_of(*server_);
    peer.base_url += "/k8s/clusters/c-1/";
    connect(peer);
    EXPECT_EQ(get("/apis/../x").body, "/k8s/clusters/c-1/apis/../x");
}

TEST_P(RequestTest, ip6) {
    servers::ServerOptions there = options();
    there.address = "::1";
    serve(there);
    server_->queue(Reply::json(200, "six"));
    EXPECT_EQ(get("/x").body, "six");
    EXPECT_EQ(server_->requests().at(0).headers.at("host"), server_->authority());
}

TEST_P(RequestTest, a_new_peer_is_used_from_now_on) {
    server_->handle([](const servers::Request&) { return Reply::json(200, "first"); });
    ScriptedServer second(options());
    second.handle([](const servers::Request&) { return Reply::json(200, "second"); });
    EXPECT_EQ(get("/x").body, "first");
    client_->set_peer(peer_of(*server_));  // the same: its connections stay
    EXPECT_EQ(get("/x").body, "first");
    EXPECT_EQ(server_->connections(), 1);
    std::string slow;
    const auto feed = std::make_shared<Feed>();
    server_->queue(Reply::stream(feed));
    client_->send(getting("/slow"), kGenerous, [&](const Answer& answer) { slow = answer.body; });
    client_->set_peer(peer_of(second));
    EXPECT_EQ(get("/x").body, "second");
    feed->push("still the first");
    feed->end();
    EXPECT_TRUE(turn_until([&] { return slow == "still the first"; })) << "what is under way goes on";
    EXPECT_TRUE(server_->wait_until([&] { return server_->open_connections() == 0; }));
}

class ProxyTest : public BothWaysTest {
protected:
    void SetUp() override {
        BothWaysTest::SetUp();
        server_->handle([](const servers::Request&) { return Reply::json(200, "direct"); });
        proxy_.handle([](const servers::Request& request) {
            return request.method == "CONNECT" ? Reply::by(Reply::Way::tunnel) : Reply::json(200, "by proxy");
        });
        setenv("http_proxy", proxy_.url().c_str(), 1);
        setenv("https_proxy", proxy_.url().c_str(), 1);
    }
    void TearDown() override {
        unsetenv("http_proxy");
        unsetenv("https_proxy");
    }
    // What was asked of the proxy for our server. Its port may have been another's before, and strangers come by.
    std::vector<servers::Request> handed_on() {
        std::vector<servers::Request> requests = proxy_.requests();
        std::erase_if(requests, [&](const servers::Request& request) {
            return request.target.find(server_->authority()) == std::string::npos;
        });
        return requests;
    }
    ScriptedServer proxy_;
};
INSTANTIATE_TEST_SUITE_P(, ProxyTest, testing::Bool(), way_name);

TEST_P(ProxyTest, the_environments_is_ignored_unless_asked_for) {
    EXPECT_EQ(get("/x").body, "direct");
    EXPECT_EQ(handed_on().size(), 0U);
    Peer peer = peer_of(*server_);
    peer.proxy_from_environment = true;
    client_->set_peer(peer);
    EXPECT_EQ(get("/x").body, GetParam() ? "direct" : "by proxy");
    EXPECT_EQ(handed_on().size(), 1U);
}

TEST_P(ProxyTest, a_given_one_is_used_whatever_the_environment_says) {
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    setenv("no_proxy", "*", 1);
    Peer peer = peer_of(*server_);
    peer.proxy_url = proxy_.url();
    client_->set_peer(peer);
    EXPECT_EQ(get("/x").body, GetParam() ? "direct" : "by proxy");
    unsetenv("no_proxy");
    ASSERT_EQ(handed_on().size(), 1U);
    EXPECT_EQ(handed_on()[0].method, GetParam() ? "CONNECT" : "GET");
    EXPECT_EQ(handed_on()[0].target, GetParam() ? server_->authority() : server_->url() + "/x");
}

TEST_P(ProxyTest, one_that_does_not_let_us_through) {
    proxy_.handle([](const servers::Request&) { return Reply::html(403, "<html>no</html>"); });
    Peer peer = peer_of(*server_);
    peer.proxy_url = proxy_.url();
    client_->set_peer(peer);
    const Answer answer = put("/x", "1");
    if (GetParam()) {
        EXPECT_EQ(answer.failure, Failure::connect) << answer.detail;
        EXPECT_FALSE(answer.sent) << "the server cannot have seen it";
        EXPECT_THAT(answer.detail, HasSubstr("403"));
    } else {
        EXPECT_EQ(answer.status, 403);
    }
    EXPECT_EQ(server_->request_count(), 0U);
}

}  // namespace
}  // namespace leasehold::stores::http
