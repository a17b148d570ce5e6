// SPDX-License-Identifier: Apache-2.0
//
// The etcd store against real members that fail, refuse and forget. What every store must do is in
// etcd_conformance_test.cpp.
#include "election/stores/etcd/etcd_store.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "election/stores/secret_text.h"
#include "tests/clusters/cluster_fixture.h"
#include "tests/servers/etcd_cluster.h"
#include "tests/servers/relays.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::ReadStatus;
using election::Version;
using election::WriteStatus;
using nlohmann::json;
using servers::EtcdCluster;
using std::chrono::seconds;
using testing::HasSubstr;

class EtcdStoreTest : public ClusterFixture<EtcdCluster> {
protected:
    std::unique_ptr<Store> open(EtcdOptions options) {
        return opened(open_etcd_store(*loop_, std::move(options), name_));
    }
    std::unique_ptr<Store> open(std::vector<std::string> endpoints) {
        EtcdOptions options;
        options.endpoints = std::move(endpoints);
        return open(std::move(options));
    }
    static std::vector<std::string> urls(const EtcdCluster& cluster) {
        std::vector<std::string> urls;
        for (int i = 0; i < cluster.size(); ++i) urls.push_back(cluster.url(i));
        return urls;
    }

    // Writes until one is applied, as a holder does; what had no answer is looked for.
    Version write_somehow(Store& store, const Version& before, std::uint64_t number) {
        for (int i = 0; i < 100; ++i) {
            const auto outcome = write(store, replacement(before, sample_record("a", number)), seconds(2));
            if (outcome.status == WriteStatus::applied) return outcome.version;
            const auto seen = read(store, seconds(2));
            if (seen.status == ReadStatus::ok && seen.snapshot.record.transitions == number) {
                return seen.snapshot.version;
            }
        }
        ADD_FAILURE() << "nothing could be written";
        return before;
    }
};

TEST_F(EtcdStoreTest, GoesOnWithoutAnyOneMember) {
    EtcdCluster& cluster = shared();
    const auto writer = open(urls(cluster));
    const auto standby = open(urls(cluster));
    Version version = write(*writer, creation(sample_record("a", 1))).version;
    watch(*standby);
    for (int i = 0; i < cluster.size(); ++i) {
        cluster.kill(i);
        version = write_somehow(*writer, version, 10 + static_cast<std::uint64_t>(i));
        EXPECT_TRUE(sees(10 + static_cast<std::uint64_t>(i))) << "without member " << i;
        cluster.start(i);
        cluster.await_ready();
    }
}

TEST_F(EtcdStoreTest, AMemberThatStandsStillIsPassedOver) {
    EtcdCluster& cluster = shared();
    const auto writer = open(urls(cluster));
    Version version = write(*writer, creation(sample_record("a", 1))).version;
    for (int i = 0; i < cluster.size(); ++i) {
        cluster.pause(i);
        version = write_somehow(*writer, version, 20 + static_cast<std::uint64_t>(i));
        cluster.resume(i);
        cluster.await_ready();
    }
}

TEST_F(EtcdStoreTest, WithoutAMajorityItSaysSoAndHeals) {
    EtcdCluster cluster({});
    const auto store = open(urls(cluster));
    const Version version = write(*store, creation(sample_record("a", 1))).version;
    cluster.kill(0);
    cluster.kill(1);
    for (int i = 0; i < 5; ++i) {
        const auto outcome = read(*store, seconds(2));
        EXPECT_EQ(outcome.status, ReadStatus::failed);
        EXPECT_NE(outcome.detail, "");
    }
    EXPECT_NE(write(*store, replacement(version, sample_record("a", 2)), seconds(2)).status, WriteStatus::applied);
    cluster.start(0);
    cluster.await_ready();
    write_somehow(*store, read(*store).snapshot.version, 3);
}

TEST_F(EtcdStoreTest, AMemberThatIsCutOffDoesNotKeepAWatch) {
    EtcdCluster cluster({});
    const auto writer = open(urls(cluster));
    Version version = write(*writer, creation(sample_record("a", 1))).version;
    const auto standby = open({cluster.url(0), cluster.url(1), cluster.url(2)});
    watch(*standby);
    version = write(*writer, replacement(version, sample_record("a", 2))).version;
    ASSERT_TRUE(sees(2));
    cluster.kill(1);
    cluster.kill(2);  // the first has no leader any more, and nothing to tell
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); }));
    cluster.start(1);
    cluster.start(2);
    cluster.await_ready();
    write_somehow(*writer, read(*writer).snapshot.version, 3);
    EXPECT_TRUE(sees(3));
}

TEST_F(EtcdStoreTest, AWatchGoesOnAfterACompaction) {
    EtcdCluster cluster({.members = 1});
    servers::Relays relays(cluster.client_ports());
    const auto writer = open(urls(cluster));
    const auto standby = open(servers::addresses(relays.ports(), "http://"));
    Version version = write(*writer, creation(sample_record("a", 1))).version;
    watch(*standby);
    version = write(*writer, replacement(version, sample_record("a", 2))).version;
    ASSERT_TRUE(sees(2));
    relays.set(servers::Relay::Mode::refuse);
    for (std::uint64_t i = 3; i < 8; ++i) {
        version = write(*writer, replacement(version, sample_record("a", i))).version;
    }
    cluster.must("/v3/kv/compaction", {{"revision", std::to_string(version.number)}, {"physical", true}});
    relays.set(servers::Relay::Mode::pass);
    const auto compacted = [&] {
        return std::any_of(broken_.begin(), broken_.end(),
                           [](const std::string& reason) { return reason.starts_with("compacted: "); });
    };
    ASSERT_TRUE(turn_until(*loop_, compacted));
    EXPECT_TRUE(sees(7));
    write(*writer, replacement(version, sample_record("a", 8)));
    EXPECT_TRUE(sees(8));
}

TEST_F(EtcdStoreTest, AsksForThePasswordAndGetsNewTokens) {
    EtcdCluster cluster({.members = 1});
    cluster.require_passwords("leasehold", "right", "/leasehold/");
    harness::TempFolder folder;
    harness::write_file(folder.path("password"), "right\n");
    EtcdOptions options;
    options.endpoints = urls(cluster);
    const auto stranger = open(options);
    EXPECT_EQ(read(*stranger).reason, "unauthorized");
    EXPECT_THAT(read(*stranger).detail, HasSubstr("set election.store.etcd.username"));

    options.username = "leasehold";
    options.password_file = folder.path("password");
    const auto store = open(options);
    watch(*store);
    Version version = write(*store, creation(sample_record("a", 1))).version;
    ASSERT_TRUE(turn_until(*loop_, [&] {
        version = write_somehow(*store, version, 2);
        return !seen_.empty();
    }));
    cluster.kill(0);  // with all tokens
    cluster.start(0);
    cluster.await_ready();
    version = write_somehow(*store, version, 3);
    EXPECT_EQ(read(*store).snapshot.version, version);
    ASSERT_TRUE(turn_until(*loop_, [&] {
        version = write_somehow(*store, version, 4);
        return seen_.back().record.transitions == 4;
    }));

    options.prefix = "/elsewhere/";
    const auto outside = open(options);
    EXPECT_EQ(read(*outside).reason, "forbidden");
    EXPECT_THAT(read(*outside).detail, HasSubstr("grant-permission"));
    const auto refused = write(*outside, creation(sample_record("a", 1)));
    EXPECT_EQ(refused.status, WriteStatus::failed);
    EXPECT_EQ(refused.reason, "forbidden");

    harness::write_file(folder.path("wrong"), "wrong\n");
    options.password_file = folder.path("wrong");
    EXPECT_EQ(read(*open(options)).reason, "unauthorized");
}

TEST_F(EtcdStoreTest, SpeaksTlsWithACertificateOfItsOwn) {
    EtcdCluster cluster({.members = 1, .tls = true});
    EtcdOptions options;
    options.endpoints = urls(cluster);
    options.ca_file = cluster.tls().ca_file;
    EXPECT_EQ(read(*open(options), seconds(5)).status, ReadStatus::failed) << "without a certificate";
    options.cert_file = cluster.tls().certificate_file;
    options.key_file = cluster.tls().key_file;
    const auto store = open(options);
    EXPECT_EQ(write(*store, creation(sample_record("a", 1))).status, WriteStatus::applied);
    EXPECT_EQ(read(*store).snapshot.presence, Presence::present);
    options.ca_file.clear();
    const auto wary = read(*open(options), seconds(5));
    EXPECT_EQ(wary.reason, "tls");
}

TEST_F(EtcdStoreTest, AnyTextMayStandBeforeTheName) {
    EtcdCluster& cluster = shared();
    EtcdOptions options;
    options.endpoints = urls(cluster);
    for (const char* prefix : {"", "/", "a b?c#d%2F..//", "\xc3\xa4\"\\{}"}) {
        options.prefix = prefix;
        const auto store = open(options);
        const Version version = write(*store, creation(sample_record(prefix, 1))).version;
        EXPECT_EQ(read(*store).snapshot.record.holder, prefix);
        EXPECT_EQ(write(*open(options), replacement(version, sample_record("b", 2))).status, WriteStatus::applied);
        EXPECT_EQ(read(*store).snapshot.record.holder, "b");
    }
}

TEST_F(EtcdStoreTest, SomebodyElseAtTheAddressIsNamed) {
    EtcdCluster& cluster = shared();
    const auto store = open({cluster.peer_url(0)});
    const auto outcome = read(*store);
    EXPECT_EQ(outcome.reason, "not_etcd");
    EXPECT_THAT(outcome.detail, HasSubstr(cluster.peer_url(0)));
    EXPECT_EQ(write(*store, creation(sample_record("a", 1))).status, WriteStatus::unknown) << "who knows what that is";
}

TEST_F(EtcdStoreTest, EndpointsOfTwoClustersAreRefused) {
    EtcdCluster& cluster = shared();
    EtcdCluster other({.members = 1});
    const auto store = open({cluster.url(0), other.url(0)});
    const auto outcome = read(*store);
    EXPECT_EQ(outcome.reason, "another_cluster");
    EXPECT_THAT(outcome.detail, testing::AllOf(HasSubstr(cluster.url(0)), HasSubstr(other.url(0))));
    EXPECT_EQ(write(*store, creation(sample_record("a", 1))).status, WriteStatus::unknown);
    other.kill(0);
    EXPECT_TRUE(turn_until(*loop_, [&] { return read(*store, seconds(2)).status == ReadStatus::ok; }));
}

}  // namespace
}  // namespace leasehold::stores
