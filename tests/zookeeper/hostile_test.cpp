// SPDX-License-Identifier: Apache-2.0
//
// The store against servers that greet like one, and then say something else.
#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "election/stores/zookeeper/zookeeper_store.h"
#include "tests/conformance/store_fixture.h"
#include "tests/servers/loopback.h"

// ZooKeeper's client forgets a few hundred bytes of a multi that is under way when its handle is closed.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libzookeeper_mt"; }

// It writes the text of an address, for its log, to one buffer from all of its threads (format_endpoint_info() in its
// zookeeper.c). Nothing of ours calls this function. Whatever runs in its threads else is looked at.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race_top:vsprintf\n"; }

namespace leasehold::stores {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// Answers "srvr" well, and whatever else it is told with `says`; then it closes, or stays.
class Impostor {
public:
    Impostor(std::string says, bool closes) : says_(std::move(says)), closes_(closes) {
        if (listen(socket_.get(), 8) != 0) throw std::runtime_error("listen");
        thread_ = std::thread([this] { serve(); });
    }
    ~Impostor() {
        stop_ = true;
        thread_.join();
    }
    std::string server() const { return "127.0.0.1:" + std::to_string(servers::port_of(socket_)); }
    int connections() const { return connections_; }

private:
    static bool readable(const UniqueFd& fd) {
        pollfd entry{fd.get(), POLLIN, 0};
        return poll(&entry, 1, 10) > 0;
    }
    void serve() {
        std::vector<UniqueFd> kept;
        while (!stop_) {
            if (!readable(socket_)) continue;
            UniqueFd client(accept(socket_.get(), nullptr, nullptr));
            ++connections_;
            while (!stop_ && !readable(client)) continue;
            char buffer[256];
            const ssize_t size = recv(client.get(), buffer, sizeof buffer, 0);
            const bool asks = size == 4 && std::string(buffer, 4) == "srvr";
            const std::string& text = asks ? kGood : says_;
            [[maybe_unused]] const auto sent = send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (!asks && !closes_) kept.push_back(std::move(client));
        }
    }

    static inline const std::string kGood = "Mode: leader\n";
    const std::string says_;
    const bool closes_;
    UniqueFd socket_ = servers::bound_socket("127.0.0.1", 0);
    std::atomic<bool> stop_{false};
    std::atomic<int> connections_{0};
    std::thread thread_;
};

// A session of 4 s, as a server grants it.
const std::string kGranted = std::string("\0\0\0\x25\0\0\0\0\0\0\x0f\xa0\1\2\3\4\5\6\7\x08\0\0\0\x10", 24) +
                             std::string(16, 'p') + std::string(1, '\0');

std::unique_ptr<Store> open(EventLoop& loop, const std::vector<std::string>& servers) {
    ZookeeperOptions options;
    options.servers = servers;
    return opened(open_zookeeper_store(loop, std::move(options), "test"));
}

// An unknown scheme, SASL that is demanded, a proxy whose server is gone: all look like this.
TEST(Hostile, ASessionThatIsGrantedAndEndedIsNotTakenForASuccess) {
    const Impostor impostor(kGranted, true);
    auto loop = EventLoop::create();
    ASSERT_TRUE(loop);
    const auto store = open(**loop, {impostor.server()});
    int broken = 0;
    store->watch({.seen = [](const election::Snapshot&) { FAIL(); }, .broken = [&](const std::string&) { ++broken; }});
    int reads = 0;
    std::string reason;
    std::function<void()> read = [&] {
        store->read(std::chrono::seconds(20), [&](const election::ReadOutcome& outcome) {
            reason = outcome.reason;
            if (++reads < 5) read();
        });
    };
    read();
    EXPECT_TRUE(turn_until(**loop, [&] { return reads >= 5 && broken >= 3; }));
    EXPECT_EQ(reads, 5) << "it waited for its deadline";
    EXPECT_EQ(reason, "connection_lost");
    // Each attempt is a greeting and a session.
    EXPECT_LE(impostor.connections(), 2 * (5 + broken + 2));
}

TEST(Hostile, AStoreMayGoAtAnyMoment) {
    const Impostor silent("", false);
    const Impostor granting(kGranted, false);
    const Impostor ending(kGranted, true);
    const UniqueFd deaf = servers::bound_socket("127.0.0.1", 0);
    ASSERT_EQ(listen(deaf.get(), 8), 0);
    const std::string not_greeting = "127.0.0.1:" + std::to_string(servers::port_of(deaf));
    auto loop = EventLoop::create();
    ASSERT_TRUE(loop);
    for (int turns = 0; turns < 24; turns += 2) {
        for (const auto& server : {not_greeting, silent.server(), granting.server(), ending.server()}) {
            const auto store = open(**loop, {server});
            store->watch({.seen = [](const election::Snapshot&) {}, .broken = [](const std::string&) {}});
            store->write({.expect_absent = true, .expected = {}, .record = {}}, milliseconds(40),
                         [](const election::WriteOutcome&) {});
            for (int i = 0; i < turns; ++i) ASSERT_TRUE((*loop)->run_once(milliseconds(5)));
        }
    }
}

TEST(Hostile, NoSessionNoAnswerAndNoHarm) {
    const std::string cases[] = {"",
                                 "HTTP/1.1 400 Bad Request\r\n\r\n",
                                 std::string(4, '\0'),
                                 std::string(400, '\0'),
                                 std::string(400, '\xff'),
                                 std::string("\0\0\0\x24", 4)};
    for (const std::string& says : cases) {
        for (const bool closes : {true, false}) {
            const Impostor impostor(says, closes);
            auto loop = EventLoop::create();
            ASSERT_TRUE(loop);
            const auto store = open(**loop, {impostor.server()});
            std::optional<election::ReadOutcome> seen;
            std::optional<election::WriteOutcome> written;
            store->read(milliseconds(300), [&](election::ReadOutcome outcome) { seen = std::move(outcome); });
            store->write({.expect_absent = true, .expected = {}, .record = {}}, milliseconds(300),
                         [&](election::WriteOutcome outcome) { written = std::move(outcome); });
            ASSERT_TRUE(turn_until(**loop, [&] { return seen && written; }));
            EXPECT_EQ(seen->status, election::ReadStatus::failed);
            EXPECT_THAT(seen->detail, HasSubstr(impostor.server()));
            EXPECT_NE(written->status, election::WriteStatus::applied);
            EXPECT_NE(written->status, election::WriteStatus::conflict);
        }
    }
}

}  // namespace
}  // namespace leasehold::stores
