// SPDX-License-Identifier: Apache-2.0
//
// The Consul store against real servers that fail, refuse and forget. What every store must do is in
// consul_conformance_test.cpp; what no real server says, in tests/consul.
#include "election/stores/consul/consul_store.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>

#include "election/stores/digest.h"
#include "election/stores/record_json.h"
#include "tests/clusters/cluster_fixture.h"
#include "tests/servers/consul_cluster.h"
#include "tests/servers/relay.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::ReadStatus;
using election::Version;
using election::WriteStatus;
using nlohmann::json;
using servers::ConsulCluster;
using std::chrono::seconds;
using testing::HasSubstr;

const ConsulCluster::Options kAlone{.servers = 1, .agent = false};

class ConsulStoreTest : public ClusterFixture<ConsulCluster> {
protected:
    std::unique_ptr<Store> open(ConsulOptions options) {
        return opened(open_consul_store(*loop_, std::move(options), name_));
    }
    std::unique_ptr<Store> open(const std::string& address) {
        ConsulOptions options;
        options.address = address;
        return open(std::move(options));
    }

    Version create(Store& store) { return must(write(store, creation(sample_record("a", 1)))); }
    // Writes until one is applied, as a holder does; what had no answer is looked for.
    Version write_somehow(Store& store, Version before, std::uint64_t number) {
        std::string last;
        const auto written = [&] {
            const auto outcome = write(store, replacement(before, sample_record("a", number)), seconds(2));
            if (outcome.status == WriteStatus::applied) before = outcome.version;
            if (outcome.status == WriteStatus::applied) return true;
            const auto seen = read(store, seconds(2));
            last = outcome.detail + "; " + seen.detail;
            if (seen.status != ReadStatus::ok) return false;
            before = seen.snapshot.version;
            return seen.snapshot.record.transitions == number;
        };
        EXPECT_TRUE(turn_until(*loop_, written)) << "nothing could be written: " << last;
        return before;
    }
};

TEST_F(ConsulStoreTest, GoesOnWithoutAnyOneServer) {
    ConsulCluster& cluster = shared();
    const auto writer = open(cluster.url());
    const auto standby = open(cluster.url());
    Version version = create(*writer);
    watch(*standby);
    std::uint64_t number = 10;
    for (int i = 0; i < cluster.size(); ++i) {
        cluster.kill(i);
        version = write_somehow(*writer, version, ++number);
        EXPECT_TRUE(sees(number)) << "without server " << i;
        cluster.start(i);
        cluster.await_ready();
    }
    const int leader = cluster.leader();
    ASSERT_GE(leader, 0);
    cluster.kill(leader);
    version = write_somehow(*writer, version, ++number);
    EXPECT_TRUE(sees(number)) << "without the leader";
    cluster.start(leader);
    cluster.await_ready();
}

TEST_F(ConsulStoreTest, GoesOnWhenItsAgentIsStartedAgain) {
    ConsulCluster& cluster = shared();
    const auto writer = open(cluster.url());
    Version version = create(*writer);
    watch(*writer);
    ASSERT_TRUE(sees(1));
    cluster.kill(cluster.size());
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); }));
    const auto outcome = write(*writer, replacement(version, sample_record("a", 2)));
    EXPECT_EQ(outcome.reason, "connect");
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_THAT(outcome.detail, HasSubstr("127.0.0.1:" + std::to_string(cluster.client_ports().front())));
    cluster.start(cluster.size());
    cluster.await_ready();
    version = write_somehow(*writer, version, 3);
    EXPECT_TRUE(sees(3));
}

TEST_F(ConsulStoreTest, WithoutAMajorityItSaysSoAndHeals) {
    ConsulCluster cluster({});
    const auto store = open(cluster.url());
    const auto standby = open(cluster.url());
    const Version version = create(*store);
    watch(*standby);
    ASSERT_TRUE(sees(1));
    cluster.kill(0);
    cluster.kill(1);
    // It may take the last one a while to give up being leader, and the agent to give up asking for one.
    std::string detail;
    const auto says_so = [&] {
        const auto outcome = read(*store, seconds(15));
        EXPECT_EQ(outcome.status, ReadStatus::failed);
        detail = outcome.detail;
        return outcome.reason == "unavailable" && detail.find("No cluster leader") != std::string::npos;
    };
    EXPECT_TRUE(turn_until(*loop_, says_so)) << detail;
    EXPECT_THAT(detail, HasSubstr(cluster.url()));
    const auto lost = write(*store, replacement(version, sample_record("a", 2)), seconds(15));
    EXPECT_EQ(lost.status, WriteStatus::unknown) << lost.reason;
    cluster.start(0);
    cluster.await_ready();
    write_somehow(*store, version, 3);
    EXPECT_TRUE(sees(3));
}

// The leader stands still with the watch's query in it, and another one is elected.
TEST_F(ConsulStoreTest, AWatchThatALeaderSleepsOverIsNoticed) {
    ConsulCluster cluster({});
    const auto store = open(cluster.url());
    Version version = create(*store);
    watch(*store);
    ASSERT_TRUE(sees(1));
    const int leader = cluster.leader();
    ASSERT_GE(leader, 0);
    cluster.pause(leader);
    version = write_somehow(*store, version, 2);
    EXPECT_TRUE(sees(2));
    cluster.resume(leader);
}

TEST_F(ConsulStoreTest, ARestoredSnapshotIsSeen) {
    ConsulCluster cluster(kAlone);
    const auto store = open(cluster.url());
    Version version = create(*store);
    watch(*store);
    const auto snapshot = cluster.must("GET", "/v1/snapshot").body;
    for (std::uint64_t i = 2; i < 6; ++i) {
        version = write(*store, replacement(version, sample_record("a", i))).version;
    }
    ASSERT_TRUE(sees(5));
    cluster.must("PUT", "/v1/snapshot", snapshot);
    // A query that reached the server before is ended; one that comes later waits for an index that is far ahead, which
    // the next read shows.
    EXPECT_EQ(read(*store).snapshot.record.transitions, 1U);
    EXPECT_TRUE(sees(1));
    const auto late = write(*store, replacement(version, sample_record("a", 6)));
    EXPECT_EQ(late.status, WriteStatus::conflict);
    const Version restored = read(*store).snapshot.version;
    EXPECT_LT(restored.number, version.number);
    const auto next = write(*store, replacement(restored, sample_record("a", 7)));
    ASSERT_EQ(next.status, WriteStatus::applied);
    EXPECT_GT(next.version.number, version.number) << "the log of this datacenter has gone on";
    EXPECT_TRUE(sees(7));
}

TEST_F(ConsulStoreTest, NeedsATokenThatMayWriteAndReadsItsFileAgain) {
    ConsulCluster cluster({.servers = 1, .agent = false, .acl = true});
    harness::TempFolder folder;
    const std::string file = folder.path("token");
    ConsulOptions options;
    options.address = cluster.url();
    const auto stranger = open(options);
    EXPECT_EQ(read(*stranger).reason, "forbidden");
    EXPECT_THAT(read(*stranger).detail, HasSubstr("election.store.consul.token_file"));
    const auto refused = write(*stranger, creation(sample_record("a", 1)));
    EXPECT_EQ(refused.status, WriteStatus::failed);
    EXPECT_EQ(refused.reason, "forbidden");

    options.token_file = file;
    harness::write_file(file, "no such token\n");
    EXPECT_FALSE(open_consul_store(*loop_, options, name_)) << "it holds blanks";
    harness::write_file(file, "c0ffee00-0000-4000-8000-00000000dead\n");
    const auto store = open(options);
    watch(*store);
    EXPECT_EQ(read(*store).reason, "unauthorized");
    EXPECT_EQ(write(*store, creation(sample_record("a", 1))).reason, "unauthorized");

    const auto rules = [](const std::string& policy) {
        return "key_prefix \"leasehold/\" { policy = \"" + policy + "\" }";
    };
    harness::write_file(file, cluster.new_token(rules("read")) + '\n');
    EXPECT_EQ(read(*store).snapshot.presence, Presence::absent);
    const auto readonly = write(*store, creation(sample_record("a", 1)));
    EXPECT_EQ(readonly.status, WriteStatus::failed);
    EXPECT_EQ(readonly.reason, "forbidden");
    EXPECT_THAT(readonly.detail, HasSubstr("policy = \"write\""));

    const std::string token = cluster.new_token(rules("write"));
    harness::write_file(file, token + '\n');
    const Version version = create(*store);
    EXPECT_TRUE(sees(1));
    cluster.delete_token(token);
    ASSERT_TRUE(turn_until(*loop_, [&] { return read(*store).reason == "unauthorized"; }));
    harness::write_file(file, "");
    EXPECT_EQ(read(*store).reason, "unauthorized") << "with the last good one";
    harness::write_file(file, cluster.new_token(rules("write")) + '\n');
    write_somehow(*store, version, 2);
    EXPECT_TRUE(sees(2));
}

TEST_F(ConsulStoreTest, SpeaksTlsWithACertificateOfItsOwn) {
    ConsulCluster cluster({.servers = 1, .agent = false, .tls = true});
    ConsulOptions options;
    options.address = cluster.url();
    options.ca_file = cluster.tls().ca_file;
    EXPECT_EQ(read(*open(options), seconds(5)).status, ReadStatus::failed) << "without a certificate";
    options.cert_file = cluster.tls().certificate_file;
    options.key_file = cluster.tls().key_file;
    const auto store = open(options);
    create(*store);
    watch(*store);
    EXPECT_TRUE(sees(1));
    EXPECT_EQ(read(*store).snapshot.presence, Presence::present);

    options.ca_file.clear();
    EXPECT_EQ(read(*open(options), seconds(5)).reason, "tls");
    const auto plain = read(*open("http://127.0.0.1:" + std::to_string(cluster.port(0))));
    EXPECT_EQ(plain.reason, "tls");
    EXPECT_THAT(plain.detail, HasSubstr("https://"));
}

TEST_F(ConsulStoreTest, ADatacenterThatIsNotThereIsNamed) {
    ConsulOptions options;
    options.address = shared().url();
    options.datacenter = "nowhere";
    const auto outcome = read(*open(options));
    EXPECT_EQ(outcome.reason, "no_datacenter");
    EXPECT_THAT(outcome.detail, HasSubstr("election.store.consul.datacenter"));
    EXPECT_NE(write(*open(options), creation(sample_record("a"))).status, WriteStatus::applied);
    options.datacenter = "dc1";
    EXPECT_EQ(read(*open(options)).status, ReadStatus::ok);
    create(*open(options));
}

TEST_F(ConsulStoreTest, ThePortOfTheServersAmongThemselvesIsNoApi) {
    ConsulCluster& cluster = shared();
    const std::string address = "http://127.0.0.1:" + std::to_string(cluster.rpc_port(0));
    const auto outcome = read(*open(address), seconds(5));
    EXPECT_EQ(outcome.status, ReadStatus::failed);
    EXPECT_THAT(outcome.detail, HasSubstr(address.substr(7)));
    EXPECT_NE(write(*open(address), creation(sample_record("a")), seconds(5)).status, WriteStatus::applied);
}

TEST_F(ConsulStoreTest, AllCharactersThatAPrefixMayHaveAreKept) {
    ConsulOptions options;
    options.address = shared().url();
    options.prefix = "Lease.hold/a,b_c-d/.e/";  // all that Consul 1.21 takes
    const auto store = open(options);
    watch(*store);
    const Version version = create(*store);
    EXPECT_EQ(read(*store).snapshot.version, version);
    EXPECT_TRUE(sees(1));
    EXPECT_EQ(write(*store, creation(sample_record("b"))).status, WriteStatus::conflict);
    EXPECT_EQ(read(*open(shared().url())).snapshot.presence, Presence::absent);
}

TEST_F(ConsulStoreTest, WhatElseStandsThereCountsAsHeld) {
    ConsulCluster& cluster = shared();
    const auto store = open(cluster.url());
    cluster.put(name_ + '/', "");
    cluster.put(name_ + "/below", "x");
    EXPECT_EQ(read(*store).snapshot.presence, Presence::absent) << "these are other keys";
    for (const std::string& text :
         {std::string("a shopping list"), std::string(400 * 1024, 'x'), std::string("\0", 1)}) {
        cluster.put(name_, text);
        const auto found = read(*store);
        EXPECT_EQ(found.status, ReadStatus::ok) << found.detail;
        EXPECT_EQ(found.snapshot.presence, Presence::unreadable);
        EXPECT_NE(found.snapshot.problem, "");
    }
    cluster.put(name_, "");
    EXPECT_EQ(read(*store).snapshot.presence, Presence::vacated);
}

// A lock by a session of Consul, as `consul lock` takes, does not keep out a compare-and-swap; flags are of no account.
TEST_F(ConsulStoreTest, ALockByASessionIsLeftAloneUnlessItIsAllThereIs) {
    ConsulCluster& cluster = shared();
    const auto store = open(cluster.url());
    const json made = json::parse(cluster.must("PUT", "/v1/session/create", R"({"LockDelay":"0s"})").body);
    const std::string session = made["ID"].get<std::string>();
    const std::string path = "/v1/kv/leasehold/" + name_;
    ASSERT_EQ(cluster.must("PUT", path + "?flags=3304740253564472344&acquire=" + session).body, "true");
    const auto locked = read(*store).snapshot;
    EXPECT_EQ(locked.presence, Presence::unreadable);
    EXPECT_THAT(locked.problem, HasSubstr(session));

    const Version version = write(*store, replacement(locked.version, sample_record("a", 1))).version;
    EXPECT_EQ(read(*store).snapshot.presence, Presence::present);
    EXPECT_EQ(read(*store).snapshot.version, version);
    cluster.must("PUT", "/v1/session/destroy/" + session);
    const auto unlocked = read(*store).snapshot;
    EXPECT_EQ(unlocked.record, sample_record("a", 1));
    EXPECT_GT(unlocked.version.number, version.number) << "Consul has counted that as a write";
    EXPECT_EQ(write(*store, replacement(version, sample_record("a", 2))).status, WriteStatus::conflict);
    EXPECT_EQ(write(*store, replacement(unlocked.version, sample_record("a", 2))).status, WriteStatus::applied);
}

// As consul_store.h says: what changes nothing is no write to Consul. Of no harm, but to be known.
TEST_F(ConsulStoreTest, AWriteThatChangesNothingIsNotCountedByConsul) {
    const auto store = open(shared().url());
    const Version version = create(*store);
    const auto again = write(*store, replacement(version, sample_record("a", 1)));
    EXPECT_EQ(again.status, WriteStatus::unknown);
    EXPECT_EQ(read(*store).snapshot.version, version);
}

TEST_F(ConsulStoreTest, AStandbyAsksOnceForEachChangeAndOtherwiseNotAtAll) {
    ConsulCluster& cluster = shared();
    servers::Relay relay({.server_port = cluster.client_ports().front()});
    const auto writer = open(cluster.url());
    const auto standby = open("http://127.0.0.1:" + std::to_string(relay.port()));
    Version version = create(*writer);
    watch(*standby);
    ASSERT_TRUE(sees(1));
    for (std::uint64_t i = 2; i < 10; ++i) {
        version = write(*writer, replacement(version, sample_record("a", i))).version;
        ASSERT_TRUE(sees(i));
    }
    EXPECT_EQ(seen_.size(), 9U);
    EXPECT_EQ(relay.counts().connections, 1U);
    const auto sent = relay.counts().bytes_to_server;
    const Instant begin = now();
    cluster.put("unrelated", "x");
    turn_until(*loop_, [&] { return elapsed_at_most(begin, now()) > std::chrono::milliseconds(500); });
    EXPECT_LE(relay.counts().bytes_to_server, sent + 400) << "more than the next query";
    EXPECT_EQ(seen_.size(), 9U);
    EXPECT_TRUE(broken_.empty());
}

}  // namespace
}  // namespace leasehold::stores
