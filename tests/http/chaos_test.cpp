// SPDX-License-Identifier: Apache-2.0
//
// A server that does anything, a client that is used in any way, and what must hold nevertheless: a request is answered
// exactly once, the server sees no write twice, and sees none of which the client says that it was not sent.
#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/http/support.h"

namespace leasehold::stores::http {
namespace {

class Dice {
public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    bool one_in(unsigned sides) { return roll(sides) == 0; }
    unsigned roll(unsigned sides) { return static_cast<unsigned>(engine_() % sides); }

private:
    std::mt19937 engine_;
};

Reply any_reply(Dice& dice) {
    switch (dice.roll(12)) {
        case 0: return Reply::by(Reply::Way::close);
        case 1: return Reply::by(Reply::Way::reset);
        case 2: return Reply::by(Reply::Way::silence);
        case 3: return Reply::truncated("{", 10);
        case 4: return Reply::raw("nonsense\r\n\r\n");
        case 5: return Reply::drip("{}", 1, milliseconds(3));
        case 6: {
            Reply reply = Reply::json(409, "{}");
            reply.close_after = true;
            return reply;
        }
        default: return Reply::json(200, "{}");
    }
}

class ChaosTest : public BothWaysTest {
protected:
    struct Write {
        int answers = 0;
        Answer answer;
    };

    void send_something(Dice& dice) {
        const Duration timeout = dice.one_in(3) ? milliseconds(5) : milliseconds(100 + dice.roll(100));
        if (dice.one_in(4)) {
            ++reads_;
            Request request = getting("/read");
            request.fresh_connection = dice.one_in(5);
            client_->send(request, timeout, [this](const Answer&) { --reads_; });
            return;
        }
        std::string id = "write ";
        id += std::to_string(writes_.size());
        Write& write = writes_[id];
        Request request = putting("/write", id);
        request.fresh_connection = dice.one_in(5);
        client_->send(std::move(request), timeout, [&write](Answer answer) {
            ++write.answers;
            write.answer = std::move(answer);
        });
    }
    void stream_something(Dice& dice) {
        const std::size_t place = dice.roll(4);
        streams_.resize(4);
        streams_[place] =
            client_->stream(getting("/stream"), milliseconds(100), milliseconds(50),
                            {{}, [](std::string_view) {}, [this, place](const Answer&) { streams_[place].reset(); }});
    }
    bool all_answered() const {
        return reads_ == 0 &&
               std::all_of(writes_.begin(), writes_.end(), [](const auto& write) { return write.second.answers > 0; });
    }

    int reads_ = 0;  // that are not answered yet
    std::map<std::string, Write> writes_;
    std::vector<std::unique_ptr<Client::Stream>> streams_;
};
INSTANTIATE_TEST_SUITE_P(, ChaosTest, testing::Bool(), way_name);

TEST_P(ChaosTest, what_must_hold_whatever_happens) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const auto servers_dice = std::make_shared<Dice>(seed + 1);
    const auto handler = [servers_dice](const servers::Request&) { return any_reply(*servers_dice); };
    server_->handle(handler);
    for (int i = 0; i < 400; ++i) {
        send_something(dice);
        if (dice.one_in(8)) stream_something(dice);
        if (dice.one_in(30)) server_->disconnect();
        if (dice.one_in(50)) {
            Peer peer = peer_of(*server_);
            peer.verify = dice.one_in(2);
            client_->set_peer(peer);
        }
        ASSERT_TRUE(loop_->run_once(milliseconds(dice.roll(5))));
    }
    ASSERT_TRUE(turn_until([&] { return all_answered(); }));
    streams_.clear();
    client_.reset();
    ASSERT_TRUE(turn_until([&] { return server_->open_connections() == 0; })) << "something is still connected";

    std::map<std::string, int> seen;
    for (const servers::Request& request : server_->requests()) {
        if (request.method == "PUT") ++seen[request.body];
    }
    int answered = 0;
    for (const auto& [id, write] : writes_) {
        SCOPED_TRACE(id + ": " + write.answer.detail);
        EXPECT_EQ(write.answers, 1);
        const bool success = write.answer.failure == Failure::none;
        if (success) ++answered;
        EXPECT_GE(seen[id], success ? 1 : 0) << "who answered it?";
        EXPECT_LE(seen[id], write.answer.sent ? 1 : 0) << "it was sent, or even repeated";
    }
    EXPECT_GT(answered, 0);
}

}  // namespace
}  // namespace leasehold::stores::http
