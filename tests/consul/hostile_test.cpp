// SPDX-License-Identifier: Apache-2.0
//
// The Consul store against a server that says what it is told to, also what no healthy Consul says.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "election/stores/consul/consul_store.h"
#include "election/stores/record_json.h"
#include "election/stores/secret_text.h"
#include "tests/conformance/store_fixture.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::stores {

namespace {

using election::Presence;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::WriteOutcome;
using election::WriteStatus;
using servers::Reply;
using servers::Request;
using servers::ScriptedServer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Reply with_index(int status, const std::string& body, std::uint64_t index) {
    Reply reply = Reply::json(status, body);
    reply.headers.push_back(fmt::format("X-Consul-Index: {}", index));
    reply.headers.emplace_back("X-Consul-KnownLeader: true");
    reply.headers.emplace_back("X-Consul-LastContact: 0");
    return reply;
}

Reply absent(std::uint64_t index) { return with_index(404, "", index); }

std::string entry_text(std::uint64_t index, const std::string& holder = "a") {
    const std::string value = encode_record(sample_record(holder, index), JsonLayout::compact);
    return fmt::format(R"([{{"LockIndex":0,"Key":"leasehold/x","Flags":0,"Value":"{}","CreateIndex":1,)"
                       R"("ModifyIndex":{}}}])",
                       encode_base64(value), index);
}

Reply entry(std::uint64_t index, const std::string& holder = "a") {
    return with_index(200, entry_text(index, holder), index);
}

std::string applied_text(std::uint64_t index) {
    return fmt::format(
        R"({{"Results":[{{"KV":{{"Key":"leasehold/x","Value":null,"ModifyIndex":{}}}}}],"Errors":null}})", index);
}

std::string refused_text(const std::string& what) {
    return R"({"Results":null,"Errors":[{"OpIndex":0,"What":")" + what + R"("}]})";
}

// When the server was asked, as its own threads tell, which may go on for longer than a test.
class Times {
public:
    std::size_t add() {
        const std::lock_guard lock(guards_);
        at_.push_back(now());
        return at_.size();
    }
    std::vector<Instant> all() {
        const std::lock_guard lock(guards_);
        return at_;
    }

private:
    std::mutex guards_;
    std::vector<Instant> at_;
};

bool waits(const Request& request) { return request.target.find("&index=") != std::string::npos; }

class HostileConsul : public StoreFixture {
protected:
    void SetUp() override {
        options_.address = server_.url();
        open();
    }
    void open() { store_ = opened(open_consul_store(*loop_, options_, "x")); }

    ReadOutcome read(Reply reply) {
        server_.queue(std::move(reply));
        return StoreFixture::read(*store_);
    }
    WriteOutcome write(Reply reply, std::uint64_t expected = 7) {
        server_.queue(std::move(reply));
        return StoreFixture::write(*store_, replacement({expected, ""}, sample_record("a")));
    }
    void watch() { StoreFixture::watch(*store_); }
    bool asked(std::size_t times) {
        return turn_until(*loop_, [&] { return server_.request_count() >= times; });
    }
    std::vector<std::uint64_t> seen_numbers() const {
        std::vector<std::uint64_t> numbers;
        for (const Snapshot& snapshot : seen_) numbers.push_back(snapshot.version.number);
        return numbers;
    }

    ScriptedServer server_;
    ConsulOptions options_;
    std::unique_ptr<Store> store_;
};

TEST_F(HostileConsul, AReadIsBelievedOnlyAsAWhole) {
    EXPECT_EQ(read(entry(12)).snapshot.version.number, 12U);
    EXPECT_EQ(read(absent(12)).snapshot.presence, Presence::absent);
    EXPECT_EQ(read(absent(12)).status, ReadStatus::ok);

    const std::string text = entry_text(12);
    Reply old = entry(12);
    old.headers[3] = "X-Consul-LastContact: 30";
    Reply leaderless = entry(12);
    leaderless.headers[2] = "X-Consul-KnownLeader: false";
    const std::pair<Reply, const char*> cases[] = {
        {Reply::json(200, text), "not_consul"},  // without an index
        {Reply::text(404, ""), "not_consul"},
        {Reply::html(404, "<html>no such page</html>"), "not_consul"},
        {with_index(404, "<html>no such page</html>", 12), "not_consul"},
        {Reply::html(200, "<html>log in</html>"), "not_consul"},
        {with_index(200, "<html>log in</html>", 12), "malformed"},
        {with_index(200, "", 12), "malformed"},
        {with_index(200, text.substr(0, text.size() / 2), 12), "malformed"},
        {with_index(200, R"([{"Key":"other","Value":null,"ModifyIndex":3}])", 12), "malformed"},
        {old, "unavailable"},
        {leaderless, "unavailable"},
        {Reply::redirect("/ui/"), "not_consul"},
        {Reply::html(500, "<html>error</html>"), "not_consul"},
        {Reply::html(502, "<html>bad gateway</html>"), "unavailable"},
        {Reply::html(503, "<html>no server is available</html>"), "unavailable"},
        {Reply::html(504, "<html>gateway time-out</html>"), "unavailable"},
        {Reply::text(500, "rpc error: No cluster leader"), "unavailable"},
        {Reply::text(500, "No cluster leader"), "unavailable"},
        {Reply::text(500, "No path to datacenter"), "no_datacenter"},
        {Reply::text(429, "Your IP is issuing too many concurrent connections"), "unavailable"},
        {Reply::text(403, "Permission denied"), "forbidden"},
        {Reply::text(403, "ACL not found"), "unauthorized"},
        {Reply::html(403, "<html>forbidden</html>"), "not_consul"},
        {Reply::truncated(text, 10), "reset"},
        {Reply::by(Reply::Way::close), "reset"},
        {Reply::raw("SSH-2.0-server\r\n"), "malformed"},
    };
    for (const auto& [reply, reason] : cases) {
        SCOPED_TRACE(fmt::format("{} {}", reply.status, reply.body));
        const ReadOutcome outcome = read(reply);
        EXPECT_EQ(outcome.status, ReadStatus::failed);
        EXPECT_EQ(outcome.reason, reason);
        EXPECT_THAT(outcome.detail, HasSubstr(server_.authority()));
    }
}

TEST_F(HostileConsul, AWriteIsCalledAppliedOrNotOnlyWithProof) {
    const auto applied = write(Reply::json(200, applied_text(8)));
    EXPECT_EQ(applied.status, WriteStatus::applied);
    EXPECT_EQ(applied.version.number, 8U);
    const std::string stale = R"(failed to set key \"leasehold/x\", index is stale)";
    EXPECT_EQ(write(Reply::json(409, refused_text(stale))).status, WriteStatus::conflict);

    struct Case {
        Reply reply;
        WriteStatus status;
        const char* reason;
    };
    const Case cases[] = {
        {Reply::json(200, applied_text(7)), WriteStatus::unknown, "malformed"},  // no write has made it
        {Reply::json(200, applied_text(3)), WriteStatus::unknown, "malformed"},
        {Reply::json(200, refused_text(stale)), WriteStatus::unknown, "malformed"},
        {Reply::json(200, R"({"Results":[],"Errors":null})"), WriteStatus::unknown, "malformed"},
        {Reply::json(200, "true"), WriteStatus::unknown, "malformed"},
        {Reply::json(200, ""), WriteStatus::unknown, "malformed"},
        {Reply::html(200, "<html>log in</html>"), WriteStatus::unknown, "malformed"},
        {Reply::json(200, applied_text(8).substr(0, 40)), WriteStatus::unknown, "malformed"},
        {Reply::json(409, refused_text("Permission denied")), WriteStatus::failed, "forbidden"},
        {Reply::json(409, refused_text("something else")), WriteStatus::failed, "refused"},
        {Reply::json(409, R"({"Results":null,"Errors":[]})"), WriteStatus::unknown, "not_consul"},
        {Reply::text(409, "index is stale"), WriteStatus::unknown, "not_consul"},
        {Reply::html(409, "<html>conflict</html>"), WriteStatus::unknown, "not_consul"},
        {Reply::text(500, "rpc error making call: No cluster leader"), WriteStatus::unknown, "unavailable"},
        {Reply::text(500, "leadership lost while committing log"), WriteStatus::unknown, "unavailable"},
        {Reply::json(500, refused_text(stale)), WriteStatus::unknown, "unavailable"},
        {Reply::text(429, "slow down"), WriteStatus::unknown, "unavailable"},  // not Consul's words
        {Reply::text(429, "rate limit exceeded, try again later"), WriteStatus::failed, "unavailable"},
        {Reply::text(403, "ACL not found"), WriteStatus::failed, "unauthorized"},
        {Reply::text(403, "rpc error making call: Permission denied"), WriteStatus::failed, "forbidden"},
        {Reply::text(403, "forbidden by the gateway"), WriteStatus::unknown, "refused"},
        {Reply::html(403, "<html>Permission denied</html>"), WriteStatus::unknown, "not_consul"},
        {Reply::text(400, "Failed to parse body: EOF"), WriteStatus::failed, "refused"},
        {Reply::text(400, "Bad Request"), WriteStatus::unknown, "refused"},
        {Reply::html(502, "<html>bad gateway</html>"), WriteStatus::unknown, "unavailable"},
        {Reply::text(404, "page not found"), WriteStatus::unknown, "not_consul"},
        {Reply::redirect("/elsewhere"), WriteStatus::unknown, "not_consul"},
        {Reply::by(Reply::Way::close), WriteStatus::unknown, "reset"},
        {Reply::truncated(applied_text(8), 10), WriteStatus::unknown, "reset"},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(fmt::format("{} {}", each.reply.status, each.reply.body));
        const WriteOutcome outcome = write(each.reply);
        EXPECT_EQ(outcome.status, each.status);
        EXPECT_EQ(outcome.reason, each.reason);
        EXPECT_NE(outcome.detail, "");
    }
}

// To Consul, zero means that there is to be none.
TEST_F(HostileConsul, AnUpdateOfNoVersionCreatesNothing) {
    EXPECT_EQ(write(absent(3), 0).status, WriteStatus::failed);
    EXPECT_EQ(write(Reply::by(Reply::Way::close), 0).status, WriteStatus::failed);
    for (const Request& request : server_.requests()) EXPECT_EQ(request.method, "GET");
}

TEST_F(HostileConsul, WhatIsInTheWayIsNamed) {
    EXPECT_EQ(read(Reply::html(502, "<html>bad gateway</html>")).detail,
              "a proxy at " + server_.url() + " cannot reach Consul (HTTP 502)");
    for (const int status : {400, 500}) {
        const auto outcome = write(Reply::text(status, "Invalid key: leasehold/x"));
        EXPECT_EQ(outcome.reason, "refused");
        EXPECT_EQ(outcome.status, WriteStatus::unknown);
        EXPECT_THAT(outcome.detail, HasSubstr("change election.store.consul.prefix or election.name"));
    }
}

TEST_F(HostileConsul, TheTokenAndTheDatacenterAreSentWithEveryRequest) {
    std::string folder = std::filesystem::temp_directory_path() / "leasehold-consul-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    const std::string file = folder + "/token";
    const auto put = [&file](const std::string& text) { std::ofstream(file, std::ios::trunc) << text; };
    put("first-token\n");
    options_.token_file = file;
    options_.datacenter = "far away";
    open();
    EXPECT_EQ(read(absent(3)).status, ReadStatus::ok);
    put("the-second-token\n");
    EXPECT_EQ(write(Reply::json(200, applied_text(8))).status, WriteStatus::applied);
    std::filesystem::remove_all(folder);
    const auto requests = server_.requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].target, "/v1/kv/leasehold/x?consistent&dc=far%20away");
    EXPECT_EQ(requests[0].headers.at("x-consul-token"), "first-token");
    EXPECT_THAT(requests[1].target, testing::EndsWith("&dc=far%20away"));
    EXPECT_EQ(requests[1].headers.at("x-consul-token"), "the-second-token");
}

TEST_F(HostileConsul, AWatchWaitsBeyondWhatItHasSeen) {
    server_.handle([](const Request& request) {
        if (!waits(request)) return entry(12);
        return request.target.find("&index=12&") != std::string::npos ? entry(15) : Reply::by(Reply::Way::silence);
    });
    watch();
    EXPECT_TRUE(asked(3));
    EXPECT_EQ(seen_numbers(), (std::vector<std::uint64_t>{12, 15}));
    EXPECT_THAT(server_.requests()[2].target, HasSubstr("?consistent&index=15&wait=300s"));
    EXPECT_TRUE(broken_.empty());
}

// The servers have the writes of a hand-over to answer first.
TEST_F(HostileConsul, AfterAChangeOfHolderItRestsForAMoment) {
    const auto times = std::make_shared<Times>();
    server_.handle([times](const Request& request) {
        times->add();
        if (!waits(request)) return entry(12, "a");
        if (request.target.find("&index=12&") != std::string::npos) return entry(15, "b");
        return Reply::by(Reply::Way::silence);
    });
    watch();
    ASSERT_TRUE(turn_until(*loop_, [&] { return times->all().size() >= 3; }));
    const std::vector<Instant> at = times->all();
    EXPECT_GE(elapsed_at_most(at[1], at[2]), milliseconds(24));
}

// Or else a release that comes soon after a renewal would be heard late.
TEST_F(HostileConsul, AfterARenewalItDoesNotRest) {
    const auto times = std::make_shared<Times>();
    server_.handle([times](const Request&) {
        const std::size_t count = times->add();
        return count < 15 ? entry(12 + count, "a") : Reply::by(Reply::Way::silence);
    });
    watch();
    ASSERT_TRUE(turn_until(*loop_, [&] { return times->all().size() >= 15; }));
    const std::vector<Instant> at = times->all();
    Duration shortest = Duration::max();
    for (std::size_t i = 2; i < 15; ++i) {
        shortest = std::min(shortest, elapsed_at_most(at[i - 1], at[i]));
    }
    EXPECT_LT(shortest, milliseconds(24)) << "of all of them";
}

TEST_F(HostileConsul, AnIndexOfZeroIsNotWaitedFor) {
    server_.handle([](const Request& request) { return waits(request) ? Reply::by(Reply::Way::silence) : absent(0); });
    watch();
    EXPECT_TRUE(asked(2));
    EXPECT_THAT(server_.requests()[1].target, HasSubstr("&index=1&"));
}

TEST_F(HostileConsul, AnIndexThatWentBackBeginsAnew) {
    server_.queue(entry(50));
    server_.queue(entry(20));
    server_.handle([](const Request& request) { return waits(request) ? Reply::by(Reply::Way::silence) : entry(20); });
    watch();
    EXPECT_TRUE(asked(4));
    EXPECT_EQ(seen_numbers(), (std::vector<std::uint64_t>{50, 20}));
    ASSERT_EQ(broken_.size(), 1U);
    EXPECT_EQ(broken_[0],
              "index_went_back: the index went back from 50 to 20: a snapshot was restored, or another cluster or "
              "datacenter answers at " +
                  server_.url());
    EXPECT_THAT(server_.requests()[2].target, Not(HasSubstr("index=")));
    EXPECT_THAT(server_.requests()[3].target, HasSubstr("&index=20&"));
}

// As real ones do when a snapshot is restored: the query that waited is answered with what was there before.
TEST_F(HostileConsul, AQueryThatIsAbandonedBeginsAnew) {
    server_.queue(entry(50));
    server_.queue(entry(50));
    server_.handle([](const Request& request) { return waits(request) ? Reply::by(Reply::Way::silence) : entry(20); });
    watch();
    EXPECT_TRUE(asked(4));
    EXPECT_EQ(seen_.back().version.number, 20U);
    EXPECT_THAT(server_.requests()[2].target, Not(HasSubstr("index=")));
}

// While a key is absent, others are told, too.
TEST_F(HostileConsul, AnIndexThatAdvancesWithoutNewsIsGoneOnFrom) {
    server_.queue(absent(50));
    server_.queue(absent(53));
    server_.handle([](const Request&) { return Reply::by(Reply::Way::silence); });
    watch();
    EXPECT_TRUE(asked(3));
    EXPECT_THAT(server_.requests()[2].target, HasSubstr("&index=53&"));
    EXPECT_TRUE(broken_.empty());
}

// Not less time than that has passed, however fast the machine.
TEST_F(HostileConsul, AServerThatDoesNotWaitIsNotAskedWithoutEnd) {
    server_.handle([](const Request&) { return entry(12); });
    const Instant begin = now();
    watch();
    EXPECT_TRUE(asked(6));
    EXPECT_GE(elapsed_at_most(begin, now()), milliseconds(1500));
}

// Answering what is asked without waiting does not make it a server that works.
TEST_F(HostileConsul, AServerThatRefusesOnlyToWaitIsAskedLessAndLess) {
    server_.handle(
        [](const Request& request) { return waits(request) ? Reply::text(500, "No cluster leader") : entry(12); });
    const Instant begin = now();
    watch();
    EXPECT_TRUE(turn_until(*loop_, [&] { return elapsed_at_most(begin, now()) >= seconds(6); }));
    const double passed = std::chrono::duration<double>(elapsed_at_most(begin, now())).count();
    EXPECT_LE(static_cast<double>(server_.request_count()), 4 + passed + 1);
    EXPECT_GE(broken_.size(), 2U);
}

TEST_F(HostileConsul, AServerThatRefusesAfterEachAnswerIsNotAskedWithoutEnd) {
    std::uint64_t index = 0;
    server_.handle([&index](const Request& request) {
        return waits(request) && ++index % 2 == 0 ? Reply::text(500, "No cluster leader") : entry(index + 12);
    });
    const Instant begin = now();
    watch();
    EXPECT_TRUE(turn_until(*loop_, [&] { return elapsed_at_most(begin, now()) >= seconds(4); }));
    const double passed = std::chrono::duration<double>(elapsed_at_most(begin, now())).count();
    EXPECT_LE(static_cast<double>(server_.request_count()), 12 + 4 * passed);
}

TEST_F(HostileConsul, AnAnswerThatDripsIsGivenUp) {
    const auto feed = std::make_shared<servers::Feed>();
    Reply slow = entry(13);
    slow.feed = feed;
    server_.queue(entry(12));
    server_.queue(slow);
    server_.handle([](const Request&) { return Reply::by(Reply::Way::silence); });
    watch();
    const auto gives_up = [&] {
        feed->push(" ");
        return !broken_.empty();
    };
    ASSERT_TRUE(turn_until(*loop_, gives_up));
    EXPECT_THAT(broken_[0], StartsWith("timeout: "));
    EXPECT_THAT(broken_[0], HasSubstr("too slowly"));
    EXPECT_EQ(seen_numbers(), std::vector<std::uint64_t>{12});
}

TEST_F(HostileConsul, NewsWithoutEndAreHeardInTurn) {
    std::uint64_t index = 0;
    server_.handle([&index](const Request&) { return entry(++index); });
    const Instant begin = now();
    watch();
    EXPECT_TRUE(asked(45));
    EXPECT_GE(elapsed_at_most(begin, now()), milliseconds(1500));
    EXPECT_TRUE(broken_.empty());
}

TEST_F(HostileConsul, AWatchThatIsRefusedSaysWhyAndGoesOn) {
    const std::pair<Reply, const char*> cases[] = {
        {Reply::text(500, "No cluster leader"), "unavailable: "},
        {Reply::text(403, "Permission denied"), "forbidden: "},
        {Reply::html(200, "<html>log in</html>"), "not_consul: "},
        {with_index(200, "[", 3), "malformed: "},
        {Reply::by(Reply::Way::close), "reset: "},
        {Reply::truncated(entry_text(3), 5), "reset: "},
    };
    for (const auto& [reply, reason] : cases) server_.queue(reply);
    server_.handle([](const Request& request) { return waits(request) ? Reply::by(Reply::Way::silence) : entry(12); });
    watch();
    ASSERT_TRUE(turn_until(*loop_, [&] { return !seen_.empty(); }));
    ASSERT_EQ(broken_.size(), std::size(cases));
    for (std::size_t i = 0; i < broken_.size(); ++i) EXPECT_THAT(broken_[i], StartsWith(cases[i].second));
    EXPECT_EQ(seen_numbers(), std::vector<std::uint64_t>{12});
}

TEST_F(HostileConsul, AWatchThatIsSilentAboutAChangeIsStalled) {
    server_.handle([](const Request& request) { return waits(request) ? Reply::by(Reply::Way::silence) : entry(12); });
    watch();
    EXPECT_TRUE(asked(2));
    server_.handle([](const Request& request) { return waits(request) ? Reply::by(Reply::Way::silence) : entry(13); });
    std::optional<ReadOutcome> answer;
    store_->read(kAmple, [&](ReadOutcome outcome) { answer = std::move(outcome); });
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); }));
    EXPECT_EQ(answer->snapshot.version.number, 13U);
    EXPECT_THAT(broken_[0], StartsWith("stalled: "));
    ASSERT_TRUE(turn_until(*loop_, [&] { return seen_numbers() == std::vector<std::uint64_t>{12, 13}; }));
    const auto requests = server_.requests();
    EXPECT_GT(requests.back().connection, requests[1].connection);
}

// It answers, but with what was there before.
TEST_F(HostileConsul, AWatchThatIsOnlyToldOldThingsIsStalled) {
    std::uint64_t index = 12;
    bool looked = false;
    server_.handle([&](const Request& request) {
        if (waits(request)) return with_index(200, entry_text(12), ++index);
        return std::exchange(looked, true) ? entry(1000) : entry(12);
    });
    watch();
    EXPECT_TRUE(asked(2));
    std::optional<ReadOutcome> answer;
    store_->read(kAmple, [&](ReadOutcome outcome) { answer = std::move(outcome); });
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); }));
    EXPECT_THAT(broken_[0], StartsWith("stalled: "));
    EXPECT_GE(server_.request_count(), 5U);
}

TEST_F(HostileConsul, AWriteDoesNotWaitBehindTheWatch) {
    server_.handle([](const Request& request) {
        if (request.method == "PUT") return Reply::json(200, applied_text(13));
        return waits(request) ? Reply::by(Reply::Way::silence) : entry(12);
    });
    watch();
    EXPECT_TRUE(asked(2));
    std::optional<WriteOutcome> answer;
    store_->write(replacement({12, ""}, sample_record("a")), kAmple,
                  [&](WriteOutcome outcome) { answer = std::move(outcome); });
    ASSERT_TRUE(turn_until(*loop_, [&] { return answer.has_value(); }));
    EXPECT_EQ(answer->status, WriteStatus::applied);
}

}  // namespace
}  // namespace leasehold::stores
