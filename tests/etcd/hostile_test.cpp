// SPDX-License-Identifier: Apache-2.0
//
// The etcd store against gateways that say what they are told to, also what no healthy etcd says.
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "election/stores/etcd/etcd_store.h"
#include "election/stores/record_json.h"
#include "election/stores/secret_text.h"
#include "tests/conformance/store_fixture.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::stores {

namespace {

using election::ReadStatus;
using election::Snapshot;
using election::Version;
using election::WriteOutcome;
using election::WriteStatus;
using servers::Feed;
using servers::Reply;
using servers::Request;
using servers::ScriptedServer;
using testing::HasSubstr;

std::string header(const std::string& cluster = "7", int revision = 9) {
    return fmt::format(R"("header":{{"cluster_id":"{}","revision":"{}"}})", cluster, revision);
}
std::string key_value(int revision) {
    const std::string value =
        encode_base64(encode_record(sample_record("a", static_cast<std::uint64_t>(revision)), JsonLayout::compact));
    return fmt::format(R"({{"key":"eA==","create_revision":"2","mod_revision":"{}","version":"3","value":"{}"}})",
                       revision, value);
}
Reply found(int revision) {
    return Reply::json(200, '{' + header("7", revision) + R"(,"kvs":[)" + key_value(revision) + R"(],"count":"1"})");
}
Reply refusal(int status, int code, const std::string& message) {
    return Reply::json(status, fmt::format(R"({{"error":"{0}","message":"{0}","code":{1}}})", message, code));
}
const Reply kNoLeader = refusal(503, 14, "etcdserver: no leader");

// Three members that answer healthily until a test says otherwise.
class HostileEtcd : public StoreFixture {
protected:
    using Trouble = std::function<std::optional<Reply>(const Request&)>;

    void SetUp() override {
        for (std::size_t member = 0; member < members_.size(); ++member) {
            members_[member].handle([this, member](const Request& request) { return answer(member, request); });
            options_.endpoints.push_back(members_[member].url());
        }
    }

    Reply answer(std::size_t member, const Request& request) {
        if (troubles_[member]) {
            if (auto reply = troubles_[member](request)) return *reply;
        }
        if (request.target == "/v3/maintenance/status") return Reply::json(200, '{' + header() + '}');
        if (request.target == "/v3/auth/authenticate") return Reply::json(200, '{' + header() + R"(,"token":"t"})");
        if (request.target == "/v3/kv/range") return found(9);
        if (request.target == "/v3/kv/txn") {
            return Reply::json(
                200, '{' + header("7", 10) + R"(,"succeeded":true,"responses":[{"response_put":{"header":{}}}]})");
        }
        if (request.target == "/v3/watch") {
            const auto feed = std::make_shared<Feed>();
            feed->push(R"({"result":{)" + header() +
                       R"(,"created":true}})"
                       "\n");
            return Reply::stream(feed);
        }
        return Reply::text(404, "Not Found");
    }

    std::unique_ptr<Store> open() { return opened(open_etcd_store(*loop_, options_, "x")); }
    WriteOutcome write(Store& store, const Version& expected) {
        return StoreFixture::write(store, replacement(expected, sample_record("a", 10)));
    }
    std::size_t asked(std::size_t member, const std::string& target) const {
        std::size_t count = 0;
        for (const Request& request : members_[member].requests()) count += request.target == target ? 1 : 0;
        return count;
    }
    void with_password() {
        std::ofstream(folder_ + "/password") << "first\n";
        options_.username = "u";
        options_.password_file = folder_ + "/password";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string folder_ = [] {
        std::string name = (std::filesystem::temp_directory_path() / "leasehold-etcd-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        return name;
    }();
    std::array<Trouble, 3> troubles_;  // before the servers: their threads use them
    std::array<ScriptedServer, 3> members_;
    EtcdOptions options_;
};

TEST_F(HostileEtcd, AMemberWithoutALeaderIsLeft) {
    const auto store = open();
    const Version version = read(*store).snapshot.version;
    troubles_[0] = [](const Request&) { return kNoLeader; };
    EXPECT_EQ(write(*store, version).status, WriteStatus::unknown) << "it may have been passed on";
    EXPECT_EQ(write(*store, version).status, WriteStatus::applied) << "the next one goes elsewhere";
    EXPECT_EQ(asked(0, "/v3/kv/txn"), 1U);
}

TEST_F(HostileEtcd, AReadGoesOnAtTheNextMemberWhateverTheFirstSays) {
    const std::vector<Reply> troubles{kNoLeader,
                                      refusal(429, 8, "etcdserver: too many requests"),
                                      Reply::html(502, "<html>Bad Gateway</html>"),
                                      Reply::text(404, "Not Found"),
                                      Reply::json(200, "{\"header\":"),
                                      Reply::json(200, '{' + header("8") + '}'),
                                      Reply::by(Reply::Way::close)};
    for (const Reply& trouble : troubles) {
        troubles_[0] = [&trouble](const Request& request) {
            return request.target == "/v3/maintenance/status" ? std::nullopt : std::optional(trouble);
        };
        const auto store = open();
        EXPECT_EQ(read(*store).status, ReadStatus::ok) << trouble.status << ' ' << trouble.body;
    }
}

TEST_F(HostileEtcd, ALoginGoesOnAtTheNextMember) {
    with_password();
    troubles_[0] = [](const Request&) { return kNoLeader; };
    const auto store = open();
    EXPECT_EQ(read(*store).status, ReadStatus::ok);
}

// The usual order where secrets are mounted: the file first, the server later.
TEST_F(HostileEtcd, APasswordThatIsNotKnownYetDoesNoHarmWhileTheTokenIsGood) {
    with_password();
    std::atomic<bool> knows_new{false};
    for (auto& trouble : troubles_) {
        trouble = [&](const Request& request) -> std::optional<Reply> {
            const bool is_new = request.body.find("second") != std::string::npos;
            if (request.target == "/v3/auth/authenticate" && is_new != knows_new) {
                return refusal(400, 3, "etcdserver: authentication failed, invalid user ID or password");
            }
            const auto token = request.headers.find("authorization");
            if (request.target.starts_with("/v3/kv/") && token == request.headers.end()) {
                return refusal(400, 3, "etcdserver: user name is empty");
            }
            return std::nullopt;
        };
    }
    const auto store = open();
    EXPECT_EQ(read(*store).status, ReadStatus::ok);
    std::ofstream(folder_ + "/password.new") << "second\n";
    std::filesystem::rename(folder_ + "/password.new", folder_ + "/password");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(read(*store).status, ReadStatus::ok);
    EXPECT_EQ(asked(0, "/v3/auth/authenticate"), 2U) << "it is not tried again and again";
}

TEST_F(HostileEtcd, WhereAuthenticationIsSwitchedOffNoneIsUsed) {
    with_password();
    for (auto& trouble : troubles_) {
        trouble = [](const Request& request) -> std::optional<Reply> {
            if (request.target != "/v3/auth/authenticate") return std::nullopt;
            return refusal(400, 9, "etcdserver: authentication is not enabled");
        };
    }
    const auto store = open();
    EXPECT_EQ(read(*store).status, ReadStatus::ok);
}

TEST_F(HostileEtcd, ARefusedLoginSaysWhatToDoAndIsNotRepeated) {
    with_password();
    for (auto& trouble : troubles_) {
        trouble = [](const Request& request) -> std::optional<Reply> {
            if (request.target != "/v3/auth/authenticate") return std::nullopt;
            return refusal(400, 3, "etcdserver: authentication failed, invalid user ID or password");
        };
    }
    const auto store = open();
    const auto outcome = read(*store);
    EXPECT_EQ(outcome.reason, "unauthorized");
    EXPECT_THAT(outcome.detail, HasSubstr("election.store.etcd.username"));
    EXPECT_EQ(asked(0, "/v3/auth/authenticate") + asked(1, "/v3/auth/authenticate"), 1U);
}

// The transaction was carried out, and its answer replaced (etcd: server/etcdserver/apply.go, quotaApplierV3).
TEST_F(HostileEtcd, AWriteRefusedForLackOfSpaceMayHaveBeenCarriedOut) {
    const auto store = open();
    const Version version = read(*store).snapshot.version;
    for (auto& trouble : troubles_) {
        trouble = [](const Request&) { return refusal(429, 8, "etcdserver: mvcc: database space exceeded"); };
    }
    const auto outcome = write(*store, version);
    EXPECT_EQ(outcome.status, WriteStatus::unknown);
    EXPECT_EQ(outcome.reason, "full");
}

TEST_F(HostileEtcd, AConflictHasToBeShown) {
    const auto store = open();
    const Version version = read(*store).snapshot.version;
    troubles_[0] = [](const Request&) { return Reply::json(200, '{' + header() + '}'); };
    EXPECT_EQ(write(*store, version).status, WriteStatus::unknown);
    troubles_[0] = [](const Request&) {
        return Reply::json(200, '{' + header() + R"(,"responses":[{"response_range":{"header":{}}}]})");
    };
    EXPECT_EQ(write(*store, version).status, WriteStatus::conflict);
}

TEST_F(HostileEtcd, AVersionOfAnotherClusterIsNotSent) {
    EXPECT_EQ(write(*open(), {9, "8/2/3"}).status, WriteStatus::conflict);
    EXPECT_EQ(asked(0, "/v3/kv/txn"), 0U);
    EXPECT_EQ(write(*open(), {9, "7/2/3"}).status, WriteStatus::applied) << "by a store that knows nothing yet";
    for (auto& trouble : troubles_) trouble = [](const Request&) { return kNoLeader; };
    EXPECT_EQ(write(*open(), {9, "7/2/3"}).status, WriteStatus::failed) << "nothing was sent";
}

TEST_F(HostileEtcd, AMemberThatWasStartedAnewIsNotBelieved) {
    troubles_[2] = [](const Request& request) -> std::optional<Reply> {
        return request.target.empty() ? std::nullopt : std::optional(Reply::json(200, '{' + header("8", 1) + '}'));
    };
    options_.endpoints = {members_[2].url(), members_[0].url(), members_[1].url()};
    const auto store = open();
    const auto outcome = read(*store);
    EXPECT_EQ(outcome.reason, "another_cluster");
    EXPECT_THAT(outcome.detail, HasSubstr(members_[2].url()));
}

TEST_F(HostileEtcd, AWatchThatEndsSaysWhy) {
    struct Case {
        std::string what;
        Reply reply;
        std::string label;
    };
    const auto last_words = std::make_shared<Feed>();
    last_words->push(R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}})");
    last_words->end();
    const std::vector<Case> cases{
        {"the last line has no end", Reply::stream(last_words), "unavailable"},
        {"before the first word", Reply::json(503, R"({"error":{"grpc_code":14,"message":"etcdserver: no leader"}})"),
         "unavailable"},
        {"a proxy", Reply::html(502, "<html></html>"), "unavailable"},
        {"not permitted", refusal(403, 7, "etcdserver: permission denied"), "forbidden"},
    };
    for (const Case& one : cases) {
        for (auto& trouble : troubles_) {
            trouble = [&one](const Request& request) {
                return request.target == "/v3/watch" ? std::optional(one.reply) : std::nullopt;
            };
        }
        const auto store = open();
        std::string broken;
        store->watch({[](const Snapshot&) {}, [&](const std::string& reason) { broken = reason; }});
        ASSERT_TRUE(turn_until(*loop_, [&] { return !broken.empty(); }));
        EXPECT_THAT(broken, testing::AllOf(testing::StartsWith(one.label + ": "), HasSubstr("http://"))) << one.what;
    }
}

TEST_F(HostileEtcd, AWatchThatIsRefusedIsNotAskedForWithoutEnd) {
    for (auto& trouble : troubles_) {
        trouble = [](const Request& request) {
            return request.target == "/v3/watch" ? std::optional(kNoLeader) : std::nullopt;
        };
    }
    const auto store = open();
    int broken = 0;
    store->watch({[](const Snapshot&) {}, [&](const std::string&) { ++broken; }});
    ASSERT_TRUE(turn_until(*loop_, [&] { return broken >= 6; }));
    // The pauses double from some 50 ms on.
    std::size_t watches = 0;
    for (std::size_t member = 0; member < members_.size(); ++member) watches += asked(member, "/v3/watch");
    EXPECT_EQ(watches, 6U);
}

}  // namespace
}  // namespace leasehold::stores
