// SPDX-License-Identifier: Apache-2.0
//
// Several addresses behind one name, and names that cannot be looked up in time.
#include "election/stores/http/suspects.h"
#include "tests/http/names.h"
#include "tests/http/support.h"

namespace leasehold::stores::http {
namespace {

using Greeting = ScriptedServer::Greeting;

constexpr const char* kName = "api.scripted";

class AddressTest : public HttpTest {
protected:
    // Something at 127.0.0.1 and a server at 127.0.0.2, on the same port, behind one name.
    template <class Make>
    auto both(Make make_first) {
        while (true) {
            servers::ServerOptions options;
            options.address = "127.0.0.2";
            serve(options);
            server_->handle([](const servers::Request&) { return Reply::json(200, "second"); });
            if (auto first = make_first(server_->port())) return first;
        }
    }
    std::unique_ptr<ScriptedServer> silent_first() {
        return both([](int port) {
            servers::ServerOptions options;
            options.port = port;
            auto server = ScriptedServer::on_port_if_free(options);
            if (server) server->greet([](int) { return Greeting::silence; });
            return server;
        });
    }
    void connect_by_name() {
        names::set(kName, {"127.0.0.1", "127.0.0.2"});
        Peer peer;
        peer.base_url = std::string("http://") + kName + ':' + std::to_string(server_->port());
        connect(peer);
    }
    std::string at(const char* address) const { return address + (':' + std::to_string(server_->port())); }
};

TEST_F(AddressTest, the_next_one_is_tried_at_once_when_the_first_refuses) {
    serve({"127.0.0.2", 0, {}});
    server_->queue(Reply::json(200, "second"));
    connect_by_name();
    EXPECT_EQ(get("/x").body, "second");
    EXPECT_EQ(server_->requests().at(0).headers.at("host"), at(kName));
}

TEST_F(AddressTest, all_refuse) {
    serve({"127.0.0.2", 0, {}});
    connect_by_name();
    const std::string tried = at(kName) + " (" + at("127.0.0.1") + ", " + at("127.0.0.2") + ")";
    server_.reset(new ScriptedServer());  // on another port
    const Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::connect);
    EXPECT_THAT(answer.detail, HasSubstr("was refused"));
    EXPECT_THAT(answer.detail, HasSubstr(std::string(kName)));
    EXPECT_THAT(answer.detail, HasSubstr("(127.0.0.1:"));
    EXPECT_THAT(answer.detail, HasSubstr(", 127.0.0.2:"));
}

TEST_F(AddressTest, the_next_one_gets_its_turn_when_the_first_swallows_everything) {
    const auto hole = both([](int port) { return servers::BlackHole::make("127.0.0.1", port); });
    connect_by_name();
    const Answer answer = get("/x", seconds(4));
    EXPECT_EQ(answer.body, "second") << answer.detail;
}

TEST_F(AddressTest, the_other_family_gets_its_turn_after_a_moment) {
    std::unique_ptr<servers::BlackHole> hole;
    while (!hole) {
        serve({"127.0.0.1", 0, {}});
        hole = servers::BlackHole::make("::1", server_->port());
    }
    server_->handle([](const servers::Request&) { return Reply::json(200, "four"); });
    names::set(kName, {"::1", "127.0.0.1"});
    Peer peer;
    peer.base_url = std::string("http://") + kName + ':' + std::to_string(server_->port());
    connect(peer);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(fresh("/x")).body, "four");
}

TEST_F(AddressTest, each_of_many_gets_its_turn) {
    const auto hole = both([](int port) { return servers::BlackHole::make("127.0.0.1", port); });
    names::set(kName, {"127.0.0.3", "127.0.0.1", "127.0.0.4", "127.0.0.2"});  // nobody is at 3 and 4
    Peer peer;
    peer.base_url = std::string("http://") + kName + ':' + std::to_string(server_->port());
    connect(peer);
    const Answer answer = get("/x", seconds(4));
    EXPECT_EQ(answer.body, "second") << answer.detail;
}

TEST_F(AddressTest, after_a_timeout_another_one_comes_first) {
    const auto first = silent_first();
    connect_by_name();
    const Answer answer = get("/x", milliseconds(400));
    EXPECT_EQ(answer.failure, Failure::timeout);
    EXPECT_THAT(answer.detail, HasSubstr(at(kName) + " (" + at("127.0.0.1") + ") did not answer"));
    EXPECT_EQ(ask(fresh("/x")).body, "second");
    EXPECT_EQ(get("/x").body, "second");
    EXPECT_EQ(server_->connections(), 1);
    EXPECT_EQ(ask(fresh("/x")).body, "second") << "it is still the one that answered";
    EXPECT_EQ(first->connections(), 1);
}

TEST_F(AddressTest, which_did_not_answer_is_known_over_dropped_connections) {
    const auto first = silent_first();
    connect_by_name();
    EXPECT_EQ(get("/x", milliseconds(400)).failure, Failure::timeout);
    client_->drop_connections();
    EXPECT_EQ(get("/x").body, "second");
    EXPECT_EQ(first->connections(), 1);
}

TEST_F(AddressTest, a_kept_connection_that_falls_silent_counts_as_well) {
    const auto first = both([](int port) {
        servers::ServerOptions options;
        options.port = port;
        return ScriptedServer::on_port_if_free(options);
    });
    first->queue(Reply::json(200, "first"));
    first->queue(Reply::by(Reply::Way::silence));
    connect_by_name();
    EXPECT_EQ(get("/x").body, "first");
    EXPECT_EQ(get("/x", milliseconds(400)).failure, Failure::timeout);
    EXPECT_EQ(first->connections(), 1);
    EXPECT_EQ(ask(fresh("/x")).body, "second");
}

TEST_F(AddressTest, when_the_others_fail_the_silent_one_is_tried_again) {
    const auto first = silent_first();
    connect_by_name();
    EXPECT_EQ(get("/x", milliseconds(400)).failure, Failure::timeout);
    server_.reset();
    first->greet([](int) { return Greeting::serve; });
    first->handle([](const servers::Request&) { return Reply::json(200, "first"); });
    const Answer answer = ask(fresh("/x"));
    EXPECT_EQ(answer.body, "first") << answer.detail;
}

TEST_F(AddressTest, a_single_address_is_tried_again_after_a_timeout) {
    serve();
    server_->queue(Reply::by(Reply::Way::silence));
    server_->queue(Reply::json(200, "now"));
    EXPECT_EQ(get("/x", milliseconds(400)).failure, Failure::timeout);
    EXPECT_EQ(ask(fresh("/x")).body, "now");
}

TEST_F(AddressTest, a_fresh_connection_looks_its_name_up_anew) {
    serve({"127.0.0.2", 0, {}});
    server_->handle([](const servers::Request&) { return Reply::json(200, "second"); });
    connect_by_name();
    const int before = names::lookups(kName);
    EXPECT_EQ(get("/x").status, 200);
    EXPECT_EQ(get("/x").status, 200);
    EXPECT_EQ(names::lookups(kName), before + 1);
    EXPECT_EQ(ask(fresh("/x")).status, 200);
    EXPECT_EQ(names::lookups(kName), before + 2);
}

TEST_F(AddressTest, giving_up_on_a_lookup_does_not_wait_for_it) {
    names::hang("hang.scripted");
    Peer peer;
    peer.base_url = "http://hang.scripted:1";
    connect(peer);
    const Answer answer = get("/x", milliseconds(150));
    EXPECT_EQ(answer.failure, Failure::timeout);
    EXPECT_FALSE(answer.sent);
    EXPECT_THAT(answer.detail, HasSubstr("looking up hang.scripted took longer than 150ms"));
    client_->send(getting("/x"), kGenerous, [](const Answer&) { FAIL(); });
    ASSERT_TRUE(loop_->run_once(milliseconds(50)));
    ASSERT_TRUE(turn_until([] { return names::lookups("hang.scripted") == 2; }));
    client_.reset();
    EXPECT_TRUE(names::release()) << "somebody waited for the lookup";
}

TEST(SuspectsTest, those_that_did_not_answer_are_until_they_do) {
    Suspects suspects;
    EXPECT_TRUE(suspects.empty());
    suspects.silent({"a", "b"});
    EXPECT_TRUE(suspects.contains("a"));
    suspects.answered("b", {"c", "b"});
    EXPECT_TRUE(suspects.contains("a"));
    EXPECT_FALSE(suspects.contains("b"));
    EXPECT_TRUE(suspects.contains("c")) << "tried before the one that answered";
    suspects.forget();
    EXPECT_TRUE(suspects.empty());
    for (int i = 0; i < 1000; ++i) suspects.silent({std::to_string(i)});
    EXPECT_TRUE(suspects.contains("999"));
    EXPECT_FALSE(suspects.contains("0"));
}

}  // namespace
}  // namespace leasehold::stores::http
