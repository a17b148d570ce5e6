// SPDX-License-Identifier: Apache-2.0
//
// Answers that go on.
#include "tests/http/support.h"

namespace leasehold::stores::http {
namespace {

// What a stream has told.
struct Log {
    int opened = 0;  // the status
    std::map<std::string, std::string> headers;
    std::string data;
    int pieces = 0;
    std::optional<Answer> ended;

    Client::StreamEvents events() {
        Client::StreamEvents events;
        events.opened = [this](int status, const std::map<std::string, std::string>& given) {
            EXPECT_EQ(opened, 0) << "opened twice";
            EXPECT_EQ(pieces, 0);
            opened = status;
            headers = given;
        };
        events.data = [this](std::string_view given) {
            EXPECT_FALSE(ended);
            data += given;
            ++pieces;
        };
        events.ended = [this](Answer answer) {
            EXPECT_FALSE(ended) << "ended twice";
            ended = std::move(answer);
        };
        return events;
    }
};

class StreamTest : public BothWaysTest {
protected:
    std::shared_ptr<Feed> feed() {
        auto made = std::make_shared<Feed>();
        server_->queue(Reply::stream(made));
        return made;
    }
    std::unique_ptr<Client::Stream> watch(Log& log, Duration idle = Duration::zero(), Duration open = kGenerous) {
        return client_->stream(getting("/watch"), open, idle, log.events());
    }
    bool turn_until_ended(const Log& log) {
        return turn_until([&] { return log.ended.has_value(); });
    }
    bool turn_until_alone() {
        return turn_until([&] { return server_->open_connections() == 0; });
    }
};
INSTANTIATE_TEST_SUITE_P(, StreamTest, testing::Bool(), way_name);

TEST_P(StreamTest, data_come_as_they_are_sent) {
    const auto source = feed();
    Log log;
    const auto stream = watch(log);
    ASSERT_TRUE(turn_until([&] { return log.opened == 200; }));
    EXPECT_EQ(log.headers.at("content-type"), "application/json");
    EXPECT_EQ(log.data, "");
    for (int i = 1; i <= 3; ++i) {
        source->push("line\n");
        ASSERT_TRUE(turn_until([&] { return log.data.size() == std::size_t{5} * static_cast<std::size_t>(i); }));
    }
    source->end();
    ASSERT_TRUE(turn_until_ended(log));
    EXPECT_EQ(log.ended->failure, Failure::none) << log.ended->detail;
    EXPECT_EQ(log.ended->status, 200);
    EXPECT_EQ(log.ended->body, "");
    EXPECT_TRUE(log.ended->sent);
}

TEST_P(StreamTest, a_torn_one) {
    const auto source = feed();
    source->push("half a li");
    source->tear();
    Log log;
    const auto stream = watch(log);
    ASSERT_TRUE(turn_until_ended(log));
    EXPECT_EQ(log.data, "half a li");
    EXPECT_EQ(log.ended->failure, Failure::unanswered) << log.ended->detail;
    EXPECT_EQ(log.ended->body, "");
}

TEST_P(StreamTest, a_refusal_is_told_like_any_other) {
    server_->queue(Reply::json(410, "expired"));
    Log log;
    const auto stream = watch(log);
    ASSERT_TRUE(turn_until_ended(log));
    EXPECT_EQ(log.opened, 410);
    EXPECT_EQ(log.data, "expired");
    EXPECT_EQ(log.ended->failure, Failure::none);
    EXPECT_EQ(log.ended->status, 410);
}

TEST_P(StreamTest, one_that_is_not_opened_in_time) {
    server_->queue(Reply::by(Reply::Way::silence));
    Log log;
    const auto stream = watch(log, Duration::zero(), milliseconds(150));
    ASSERT_TRUE(turn_until_ended(log));
    EXPECT_EQ(log.ended->failure, Failure::timeout);
    EXPECT_EQ(log.opened, 0);
    EXPECT_TRUE(server_->wait_until([&] { return server_->open_connections() == 0; }));
}

TEST_P(StreamTest, one_that_cannot_be_opened) {
    server_.reset();
    Log log;
    const auto stream = watch(log);
    EXPECT_FALSE(log.ended) << "called back from inside the call";
    ASSERT_TRUE(turn_until_ended(log));
    EXPECT_EQ(log.ended->failure, Failure::connect);
    EXPECT_EQ(log.opened, 0);
}

TEST_P(StreamTest, one_without_any_time) {
    Log log;
    auto stream = watch(log, Duration::zero(), Duration::zero());
    EXPECT_FALSE(log.ended);
    ASSERT_TRUE(turn_until_ended(log));
    EXPECT_EQ(log.ended->failure, Failure::timeout);
    Log dropped;
    stream = watch(dropped, Duration::zero(), Duration::zero());
    stream.reset();
    ASSERT_TRUE(loop_->run_once(milliseconds(20)));
    EXPECT_FALSE(dropped.ended);
}

TEST_P(StreamTest, an_idle_one_ends) {
    const auto source = feed();
    Log log;
    const auto stream = watch(log, milliseconds(300));
    const Instant start = now();
    // As long as something comes, it goes on beyond that.
    while (now().boot - start.boot < milliseconds(600)) {
        source->push("x");
        const int before = log.pieces;
        ASSERT_TRUE(turn_until([&] { return log.pieces > before || log.ended; }));
        if (log.ended) break;  // this machine was too slow; then it has been idle
    }
    ASSERT_TRUE(turn_until_ended(log));
    EXPECT_EQ(log.ended->failure, Failure::timeout);
    EXPECT_THAT(log.ended->detail, HasSubstr("nothing came from " + server_->authority() + " for 300ms"));
    EXPECT_TRUE(server_->wait_until([&] { return server_->open_connections() == 0; }));
}

TEST_P(StreamTest, one_may_be_idle_for_good) {
    const auto source = feed();
    Log log;
    const auto stream = watch(log, Duration::zero(), milliseconds(500));
    ASSERT_TRUE(turn_until([&] { return log.opened == 200; }));
    const Instant start = now();
    while (now().boot - start.boot < milliseconds(700)) ASSERT_TRUE(loop_->run_once(milliseconds(50)));
    EXPECT_FALSE(log.ended);
    source->push("still there");
    EXPECT_TRUE(turn_until([&] { return log.data == "still there"; }));
}

TEST_P(StreamTest, its_connection_is_closed_when_it_is_destroyed) {
    feed();
    Log log;
    auto stream = watch(log);
    ASSERT_TRUE(turn_until([&] { return log.opened == 200; }));
    stream.reset();
    EXPECT_TRUE(server_->wait_until([&] { return server_->open_connections() == 0; }));
    ASSERT_TRUE(loop_->run_once(milliseconds(10)));
    EXPECT_FALSE(log.ended);
}

TEST_P(StreamTest, several_at_once_and_requests_besides) {
    std::vector<std::shared_ptr<Feed>> sources;
    std::vector<Log> logs(6);
    std::vector<std::unique_ptr<Client::Stream>> streams;
    server_->handle([](const servers::Request&) { return Reply::json(200, "besides"); });
    for (Log& log : logs) {
        sources.push_back(feed());
        streams.push_back(watch(log));
        ASSERT_TRUE(turn_until([&] { return log.opened == 200; }));
    }
    EXPECT_EQ(get("/x").body, "besides");
    for (std::size_t i = 0; i < sources.size(); ++i) sources[i]->push(std::string(1, static_cast<char>('a' + i)));
    for (std::size_t i = 0; i < sources.size(); ++i) {
        EXPECT_TRUE(turn_until([&] { return logs[i].data == std::string(1, static_cast<char>('a' + i)); }));
    }
    streams.erase(streams.begin(), streams.begin() + 3);
    sources[5]->end();
    EXPECT_TRUE(turn_until_ended(logs[5]));
    EXPECT_EQ(get("/x").body, "besides");
}

TEST_P(StreamTest, a_large_answer_comes_whole) {
    const auto source = feed();
    std::string sent;
    for (int i = 0; i < 200; ++i) sent += std::string(20000, static_cast<char>('a' + i % 26));
    source->push(sent);
    source->end();
    Log log;
    Request request = getting("/watch");
    request.body_limit = 10;  // for answers, not for streams
    const auto stream = client_->stream(request, kGenerous, Duration::zero(), log.events());
    ASSERT_TRUE(turn_until_ended(log));
    EXPECT_TRUE(log.data == sent);
    EXPECT_EQ(log.ended->failure, Failure::none);
}

// Each of the three callbacks destroys the stream, or the client.
class DestroyTest : public StreamTest {
protected:
    // Turns the loop until the callback `when` has run `destroy`, and a little longer.
    void play(const std::string& when, const std::function<void()>& destroy) {
        const auto source = feed();
        source->push("data");
        if (when == "ended") source->end();
        bool done = false;
        const auto alive = std::make_shared<int>(0);  // callbacks own what they need while they run
        const auto act = [&done, &destroy, alive](bool now) {
            if (!now) return;
            EXPECT_FALSE(done) << "called back after the end";
            destroy();
            done = true;
            ++*alive;
        };
        Client::StreamEvents events;
        events.opened = [act, when](int, const auto&) { act(when == "opened"); };
        events.data = [act, when](std::string_view) { act(when == "data"); };
        events.ended = [act, when](const Answer&) { act(when == "ended"); };
        stream_ = client_->stream(getting("/watch"), kGenerous, Duration::zero(), std::move(events));
        ASSERT_TRUE(turn_until([&] { return done; }));
        EXPECT_EQ(*alive, 1);
        if (when != "ended") {
            EXPECT_TRUE(server_->wait_until([&] { return server_->open_connections() == 0; }));
        }
        ASSERT_TRUE(loop_->run_once(milliseconds(10)));
    }
    std::unique_ptr<Client::Stream> stream_;
};
INSTANTIATE_TEST_SUITE_P(, DestroyTest, testing::Bool(), way_name);

TEST_P(DestroyTest, the_stream_in_its_callbacks) {
    for (const char* when : {"opened", "data", "ended"}) {
        SCOPED_TRACE(when);
        play(when, [this] { stream_.reset(); });
    }
}

TEST_P(DestroyTest, the_client_in_callbacks_of_a_stream) {
    for (const char* when : {"opened", "data", "ended"}) {
        SCOPED_TRACE(when);
        connect(peer_of(*server_));
        play(when, [this] { client_.reset(); });
        ASSERT_TRUE(turn_until_alone()) << "a client that is gone has no connections";
        stream_.reset();  // outlives its client
    }
}

TEST_P(DestroyTest, both_in_callbacks_of_a_stream) {
    for (const char* when : {"opened", "data", "ended"}) {
        SCOPED_TRACE(when);
        connect(peer_of(*server_));
        play(when, [this] { client_.reset(), stream_.reset(); });
    }
}

TEST_P(DestroyTest, the_client_in_callbacks_of_requests) {
    server_->handle([](const servers::Request& request) {
        return request.target == "/silent" ? Reply::by(Reply::Way::silence) : Reply::json(200, "{}");
    });
    for (const char* how : {"/answered", "/silent", "no time"}) {
        SCOPED_TRACE(how);
        connect(peer_of(*server_));
        int calls = 0;
        const auto destroy = [&](const Answer&) { ++calls, client_.reset(); };
        const Duration timeout = how == std::string("/answered") ? kGenerous : milliseconds(100);
        for (int i = 0; i < 3; ++i) {
            client_->send(getting(how), how == std::string("no time") ? Duration::zero() : timeout, destroy);
        }
        ASSERT_TRUE(turn_until([&] { return calls > 0; }));
        ASSERT_TRUE(turn_until_alone());
        EXPECT_EQ(calls, 1) << "the others are dropped with the client";
    }
}

TEST_P(DestroyTest, a_callback_that_owns_the_stream) {
    feed();
    struct Owner {
        std::unique_ptr<Client::Stream> stream;
    };
    auto owner = std::make_shared<Owner>();
    Client::StreamEvents events;
    events.ended = [owner](const Answer&) { owner->stream.reset(); };
    owner->stream = client_->stream(getting("/watch"), milliseconds(100), milliseconds(100), std::move(events));
    const std::weak_ptr<Owner> left = owner;
    owner.reset();
    EXPECT_TRUE(turn_until([&] { return left.expired(); }));
}

TEST_P(DestroyTest, the_loop_right_after_the_client) {
    feed();
    Log log;
    stream_ = watch(log);
    ASSERT_TRUE(turn_until([&] { return log.opened == 200; }));
    server_->queue(Reply::by(Reply::Way::silence));
    client_->send(getting("/x"), kGenerous, [](const Answer&) { FAIL(); });
    ASSERT_TRUE(turn_until([&] { return server_->request_count() == 2; }));
    stream_.reset();
    client_.reset();
    loop_.reset();
    EXPECT_TRUE(server_->wait_until([&] { return server_->open_connections() == 0; }));
}

}  // namespace
}  // namespace leasehold::stores::http
