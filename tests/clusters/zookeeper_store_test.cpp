// SPDX-License-Identifier: Apache-2.0
//
// The ZooKeeper store against real servers that fail, refuse and forget. What every store must do is in
// zookeeper_conformance_test.cpp.
#include "election/stores/zookeeper/zookeeper_store.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/clusters/cluster_fixture.h"
#include "tests/servers/relays.h"
#include "tests/servers/zookeeper_cluster.h"

namespace leasehold::stores {
namespace {

using election::Presence;
using election::ReadOutcome;
using election::ReadStatus;
using election::Snapshot;
using election::Version;
using election::WriteOutcome;
using election::WriteStatus;
using servers::ZookeeperCluster;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class ZookeeperStoreTest : public ClusterFixture<ZookeeperCluster> {
protected:
    std::unique_ptr<Store> open(ZookeeperOptions options) {
        return opened(open_zookeeper_store(*loop_, std::move(options), name_));
    }
    static ZookeeperOptions at(const std::vector<int>& ports) {
        ZookeeperOptions options;
        options.servers = servers::addresses(ports);
        return options;
    }
    std::unique_ptr<Store> open(const std::vector<int>& ports) { return open(at(ports)); }
    std::string path() const { return "/leasehold/" + name_; }

    // Writes until one is applied, as a holder does; what had no answer is looked for.
    Version write_somehow(Store& store, const Version& before, std::uint64_t number) {
        for (int i = 0; i < 100; ++i) {
            const auto outcome = write(store, replacement(before, sample_record("a", number)), seconds(2));
            if (outcome.status == WriteStatus::applied) return outcome.version;
            EXPECT_NE(outcome.status, WriteStatus::conflict) << i;
            const auto seen = read(store, seconds(2));
            if (seen.status == ReadStatus::ok && seen.snapshot.record.transitions == number) {
                return seen.snapshot.version;
            }
            loop_->run_once(std::chrono::milliseconds(50));
        }
        ADD_FAILURE() << "nothing could be written";
        return before;
    }
};

TEST_F(ZookeeperStoreTest, GoesOnWithoutAnyOneServer) {
    ZookeeperCluster& cluster = shared();
    const auto writer = open(cluster.client_ports());
    const auto standby = open(cluster.client_ports());
    Version version = write(*writer, creation(sample_record("a", 1))).version;
    watch(*standby);
    for (int i = 0; i < cluster.size(); ++i) {  // the leader is one of them
        const auto number = 10 + static_cast<std::uint64_t>(i);
        cluster.kill(i);
        version = write_somehow(*writer, version, number);
        EXPECT_TRUE(sees(number)) << "without server " << i;
        cluster.start(i);
        cluster.await_ready();
    }
}

TEST_F(ZookeeperStoreTest, AServerThatStandsStillIsPassedOver) {
    ZookeeperCluster& cluster = shared();
    const auto writer = open(cluster.client_ports());
    const auto standby = open(cluster.client_ports());
    watch(*standby);
    Version version = write(*writer, creation(sample_record("a", 1))).version;
    for (int i = 0; i < cluster.size(); ++i) {
        const auto number = 20 + static_cast<std::uint64_t>(i);
        cluster.pause(i);
        version = write_somehow(*writer, version, number);
        EXPECT_TRUE(sees(number)) << "while server " << i << " stands still";
        cluster.resume(i);
        cluster.await_ready();
    }
}

TEST_F(ZookeeperStoreTest, WithoutAMajorityItSaysSoAndHeals) {
    ZookeeperCluster cluster({});
    const auto store = open(cluster.client_ports());
    const auto standby = open(cluster.client_ports());
    const Version version = write(*store, creation(sample_record("a", 1))).version;
    watch(*standby);
    ASSERT_TRUE(sees(1));
    cluster.kill(0);
    cluster.kill(1);
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); })) << "a server that is alone keeps a watch";
    ReadOutcome outcome;
    ASSERT_TRUE(turn_until(*loop_, [&] {
        outcome = read(*store, seconds(2));
        return outcome.detail.find("is not serving requests") != std::string::npos;
    })) << outcome.detail;
    EXPECT_EQ(outcome.status, ReadStatus::failed);
    for (int i = 0; i < cluster.size(); ++i) EXPECT_THAT(outcome.detail, HasSubstr(cluster.address(i)));
    EXPECT_NE(write(*store, replacement(version, sample_record("a", 2)), seconds(2)).status, WriteStatus::applied);
    cluster.start(0);
    cluster.await_ready();
    write_somehow(*store, read(*store).snapshot.version, 3);
    EXPECT_TRUE(sees(3));
}

TEST_F(ZookeeperStoreTest, ASessionThatRunsOutChangesNothing) {
    ZookeeperCluster& cluster = shared();
    servers::Relays relays(cluster.client_ports());
    const auto writer = open(cluster.client_ports());
    const auto standby = open(relays.ports());
    Version version = write(*writer, creation(sample_record("a", 1))).version;
    watch(*standby);
    ASSERT_TRUE(sees(1));
    relays.set(servers::Relay::Mode::black_hole);
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); })) << "it is not noticed by itself";
    version = write_somehow(*writer, version, 2);
    EXPECT_EQ(read(*standby, seconds(1)).status, ReadStatus::failed);
    EXPECT_EQ(seen_.back().record.transitions, 1U);
    EXPECT_EQ(seen_.back().presence, Presence::present);
    relays.repair();
    EXPECT_TRUE(sees(2));
}

TEST_F(ZookeeperStoreTest, AZnodeThatWasMadeAgainIsNotMistaken) {
    ZookeeperCluster& cluster = shared();
    const auto store = open(cluster.client_ports());
    const Version created = write(*store, creation(sample_record("a", 1))).version;
    cluster.remove_all(path());
    cluster.set(path(), "{}");
    cluster.set(path(), "{}");  // the same version of the znode
    const auto late = write(*store, replacement(created, sample_record("late")));
    EXPECT_EQ(late.status, WriteStatus::conflict);
    EXPECT_EQ(cluster.get(path()), "{}");

    // With everything above, and by a candidate that writes as often.
    cluster.remove_all(path());
    const auto other = open(cluster.client_ports());
    const Version again = write(*other, creation(sample_record("b", 1))).version;
    EXPECT_GT(again.number, created.number);
    EXPECT_EQ(write(*store, replacement(created, sample_record("late"))).status, WriteStatus::conflict);
    EXPECT_EQ(read(*other).snapshot.record.holder, "b");
}

TEST_F(ZookeeperStoreTest, WhatSomebodyElseMadeIsReplacedOnlyAsItWasSeen) {
    ZookeeperCluster& cluster = shared();
    const auto store = open(cluster.client_ports());
    cluster.set(path(), "a shopping list");
    const Snapshot first = read(*store).snapshot;
    EXPECT_EQ(first.presence, Presence::unreadable);
    cluster.remove_all(path());
    cluster.set(path(), "another one");
    EXPECT_EQ(write(*store, replacement(first.version, sample_record("a"))).status, WriteStatus::conflict);
    EXPECT_EQ(cluster.get(path()), "another one");
    const Snapshot second = read(*store).snapshot;
    EXPECT_NE(second.version, first.version);
    const auto replaced = write(*store, replacement(second.version, sample_record("a")));
    EXPECT_EQ(replaced.status, WriteStatus::applied) << replaced.detail;
    EXPECT_EQ(read(*store).snapshot.version, replaced.version);
}

TEST_F(ZookeeperStoreTest, LivesWithStrangersBelowItsZnode) {
    ZookeeperCluster& cluster = shared();
    const auto store = open(cluster.client_ports());
    cluster.set(path() + "/of/somebody", "else");
    const Snapshot found = read(*store).snapshot;
    EXPECT_EQ(found.presence, Presence::vacated);
    Version version = write(*store, replacement(found.version, sample_record("a", 1))).version;
    for (const std::string& child : cluster.children(path())) {  // the mark, too
        cluster.remove_all(path() + "/" + child);
    }
    EXPECT_EQ(write(*store, replacement(version, sample_record("a", 2))).status, WriteStatus::conflict);
    const auto healed = write(*store, replacement(read(*store).snapshot.version, sample_record("a", 2)));
    EXPECT_EQ(healed.status, WriteStatus::applied) << healed.detail;
}

TEST_F(ZookeeperStoreTest, AnEphemeralZnodeIsNamed) {
    ZookeeperCluster& cluster = shared();
    const auto store = open(cluster.client_ports());
    cluster.make_ephemeral(path());
    const auto outcome = write(*store, replacement(read(*store).snapshot.version, sample_record("a")));
    EXPECT_EQ(outcome.status, WriteStatus::failed);
    EXPECT_THAT(outcome.detail, HasSubstr("ephemeral"));
    cluster.remove_all(path());
}

TEST_F(ZookeeperStoreTest, MakesWhatIsMissingAboveAndNoMore) {
    ZookeeperCluster& cluster = shared();
    ZookeeperOptions options = at(cluster.client_ports());
    options.path = "/apps/" + name_ + "/deep/below";
    const auto store = open(options);
    EXPECT_EQ(read(*store).snapshot.presence, Presence::absent);
    EXPECT_TRUE(cluster.children("/apps/" + name_).empty()) << "a read has written";
    EXPECT_EQ(write(*store, creation(sample_record("a"))).status, WriteStatus::applied);
    EXPECT_EQ(read(*store).snapshot.presence, Presence::present);

    options.path = "/";
    const auto root = open(options);
    EXPECT_EQ(write(*root, creation(sample_record("a"))).status, WriteStatus::applied);
    EXPECT_TRUE(cluster.get("/" + name_));
    for (const char* odd : {"..", "zookeeper", "a/b", "\x01\x7f\xc3\xa9%", " "}) {
        auto opened = open_zookeeper_store(*loop_, at(cluster.client_ports()), odd);
        ASSERT_TRUE(opened);
        EXPECT_EQ(write(**opened, creation(sample_record("a"))).status, WriteStatus::applied) << odd;
        EXPECT_EQ(read(**opened).snapshot.presence, Presence::present) << odd;
    }
}

TEST_F(ZookeeperStoreTest, AuthenticatesWithWhatIsInTheFile) {
    ZookeeperCluster& cluster = shared();
    harness::TempFolder folder;
    harness::write_file(folder.path("auth"), "digest leasehold:right\n");
    ZookeeperOptions options = at(cluster.client_ports());
    options.path = "/guarded-" + name_;
    options.auth_file = folder.path("auth");
    cluster.own(options.path, "leasehold:right");
    const auto store = open(options);
    const auto written = write(*store, creation(sample_record("a", 1)));
    EXPECT_EQ(written.status, WriteStatus::applied) << written.detail;

    options.auth_file.clear();
    const auto stranger = open(options);
    EXPECT_EQ(read(*stranger).reason, "forbidden");
    EXPECT_THAT(read(*stranger).detail, HasSubstr("set election.store.zookeeper.auth_file"));
    EXPECT_EQ(write(*stranger, replacement(written.version, sample_record("b"))).status, WriteStatus::failed);
    const Version none{1, ""};
    EXPECT_EQ(write(*stranger, replacement(none, sample_record("b"))).reason, "forbidden") << "what a probe does";

    harness::write_file(folder.path("wrong"), "digest leasehold:wrong\n");
    options.auth_file = folder.path("wrong");
    const auto mistaken = open(options);
    const auto refused = read(*mistaken);
    EXPECT_EQ(refused.reason, "forbidden");
    EXPECT_THAT(refused.detail, HasSubstr("the credential in election.store.zookeeper.auth_file"));
    EXPECT_THAT(refused.detail, Not(HasSubstr("wrong")));
    EXPECT_EQ(write(*mistaken, replacement(written.version, sample_record("b"))).reason, "forbidden");
    harness::write_file(folder.path("wrong"), "digest leasehold:right\n");  // it is read again
    EXPECT_EQ(read(*mistaken).status, ReadStatus::ok);

    harness::write_file(folder.path("nonsense"), "leasehold:right\n");
    options.auth_file = folder.path("nonsense");
    const auto none_opened = open_zookeeper_store(*loop_, options, name_);
    ASSERT_FALSE(none_opened);
    EXPECT_THAT(none_opened.error().message, HasSubstr("digest USER:PASSWORD"));
    EXPECT_THAT(none_opened.error().message, Not(HasSubstr("right")));
}

// It has data of its own, and may have been one of them: its zoo.cfg only has to lose a few lines.
TEST_F(ZookeeperStoreTest, AServerThatRunsAloneIsNoneOfSeveral) {
    ZookeeperCluster& cluster = shared();
    ZookeeperCluster alone({.members = 1});
    const auto store = open({alone.port(0), cluster.port(1), cluster.port(2)});
    EXPECT_EQ(write(*store, creation(sample_record("a", 1))).status, WriteStatus::applied);
    EXPECT_TRUE(cluster.get(path()));
    EXPECT_FALSE(alone.get(path()));
    const servers::ReservedPort nobody;
    const auto outcome = read(*open({alone.port(0), nobody.number()}), seconds(10));
    EXPECT_EQ(outcome.status, ReadStatus::failed);
    EXPECT_THAT(outcome.detail, HasSubstr(alone.address(0) + " runs alone"));
    EXPECT_EQ(read(*open({alone.port(0)})).status, ReadStatus::ok);
}

TEST_F(ZookeeperStoreTest, WhatATimeoutStartsGoesAnotherWay) {
    ZookeeperCluster& cluster = shared();
    servers::Relays relays(cluster.client_ports());
    const auto store = open(relays.ports());
    const Version version = write(*store, creation(sample_record("a", 1))).version;
    relays[0].set(servers::Relay::Mode::black_hole);
    std::optional<WriteOutcome> written;
    store->read(std::chrono::milliseconds(300), [&](const ReadOutcome& outcome) {
        EXPECT_EQ(outcome.reason, "timeout");
        store->write(replacement(version, sample_record("a", 2)), kAmple,
                     [&](WriteOutcome answer) { written = std::move(answer); });
    });
    ASSERT_TRUE(turn_until(*loop_, [&] { return written.has_value(); }));
    EXPECT_EQ(written->status, WriteStatus::applied) << written->detail;
}

TEST_F(ZookeeperStoreTest, ATagThatNamesNoVersionNamesNotAnyVersion) {
    const auto store = open(shared().client_ports());
    const Version version = write(*store, creation(sample_record("a", 1))).version;
    Version any = version;
    any.tag = "-1" + any.tag.substr(any.tag.find(' '));
    EXPECT_EQ(write(*store, replacement(any, sample_record("b"))).status, WriteStatus::conflict);
    EXPECT_EQ(read(*store).snapshot.version, version);
}

TEST_F(ZookeeperStoreTest, AProbeAsksForWhatWouldHaveToBeMade) {
    ZookeeperCluster& cluster = shared();
    harness::TempFolder folder;
    harness::write_file(folder.path("auth"), "digest leasehold:right\n");
    ZookeeperOptions options = at(cluster.client_ports());
    const std::string guarded = "/guarded-" + name_;
    options.path = guarded + "/a/b";
    cluster.own(guarded, "leasehold:right");
    const WriteRequest probe = replacement({1, ""}, sample_record("a"));
    const auto refused = write(*open(options), probe);
    EXPECT_EQ(refused.reason, "forbidden");
    EXPECT_THAT(refused.detail, HasSubstr("getAcl " + guarded + "'"));
    EXPECT_THAT(write(*open(options), creation(sample_record("a"))).detail, HasSubstr("getAcl " + guarded + "'"));
    options.auth_file = folder.path("auth");
    EXPECT_EQ(write(*open(options), probe).status, WriteStatus::conflict) << "it may";
    EXPECT_EQ(read(*open(options)).snapshot.presence, Presence::absent);
    EXPECT_EQ(write(*open(options), creation(sample_record("a"))).status, WriteStatus::applied);
}

TEST_F(ZookeeperStoreTest, ANewCredentialInterruptsNothing) {
    ZookeeperCluster& cluster = shared();
    harness::TempFolder folder;
    harness::write_file(folder.path("auth"), "digest leasehold:right\n");
    ZookeeperOptions options = at(cluster.client_ports());
    options.path = "/open-" + name_;
    cluster.set(options.path + "/" + name_, "{}");
    options.auth_file = folder.path("auth");
    const auto store = open(options);
    watch(*store);
    ASSERT_TRUE(turn_until(*loop_, [&] { return !seen_.empty(); }));
    std::optional<WriteOutcome> written;
    store->write(replacement(read(*store).snapshot.version, sample_record("a", 1)), kAmple,
                 [&](WriteOutcome outcome) { written = std::move(outcome); });
    harness::write_file(folder.path("auth"), "digest leasehold:another\n");
    EXPECT_EQ(read(*store).status, ReadStatus::ok);
    ASSERT_TRUE(written);
    EXPECT_EQ(written->status, WriteStatus::applied) << written->detail;
    ASSERT_TRUE(turn_until(*loop_, [&] { return !broken_.empty(); }));
    EXPECT_THAT(broken_.front(), HasSubstr("reconnecting: "));
    EXPECT_TRUE(sees(1));
}

TEST_F(ZookeeperStoreTest, AServerThatEndsSessionsWithoutACredentialIsExplained) {
    ZookeeperCluster cluster({.members = 1, .settings = "enforce.auth.enabled=true\nenforce.auth.schemes=digest\n"});
    servers::Relays relays(cluster.client_ports());
    ZookeeperOptions options = at(relays.ports());
    const auto stranger = open(options);
    watch(*stranger);
    const auto refused = read(*stranger);
    EXPECT_EQ(refused.reason, "unauthorized");
    EXPECT_THAT(refused.detail, HasSubstr("set election.store.zookeeper.auth_file"));
    ASSERT_TRUE(turn_until(*loop_, [&] { return broken_.size() >= 4; }));
    EXPECT_LE(relays[0].counts().connections, 2 * (broken_.size() + 2)) << "a flood";
    harness::TempFolder folder;
    harness::write_file(folder.path("auth"), "digest leasehold:right\n");
    options.auth_file = folder.path("auth");
    EXPECT_EQ(write(*open(options), creation(sample_record("a", 1))).status, WriteStatus::applied);
}

TEST_F(ZookeeperStoreTest, WhatIsTooLargeIsRefused) {
    ZookeeperCluster& cluster = shared();
    const auto store = open(cluster.client_ports());
    auto record = sample_record("a");
    record.holder.assign(1'500'000, 'a');
    const auto refused = write(*store, creation(record));
    EXPECT_EQ(refused.status, WriteStatus::failed);
    EXPECT_EQ(refused.reason, "too_large");
    cluster.set(path(), std::string(1'000'000, '{'));
    const Snapshot found = read(*store).snapshot;
    EXPECT_EQ(found.presence, Presence::unreadable);
    EXPECT_EQ(write(*store, replacement(found.version, sample_record("a"))).status, WriteStatus::applied);
}

TEST_F(ZookeeperStoreTest, AfterARestoreItGoesOnAndTheVersionsShowIt) {
    ZookeeperCluster cluster({.members = 1});
    const auto store = open(cluster.client_ports());
    watch(*store);
    Version version = write(*store, creation(sample_record("a", 1))).version;
    cluster.stop_and_save();
    cluster.start(0);
    cluster.await_ready();
    for (std::uint64_t i = 2; i < 10; ++i) version = write_somehow(*store, version, i);
    ASSERT_TRUE(sees(9));
    cluster.restore();
    ASSERT_TRUE(sees(1));
    EXPECT_LT(seen_.back().version.number, version.number);
    EXPECT_EQ(write(*store, replacement(version, sample_record("late"))).status, WriteStatus::conflict);
    write_somehow(*store, read(*store).snapshot.version, 20);
    EXPECT_TRUE(sees(20));
}

TEST_F(ZookeeperStoreTest, SomebodyElseAtTheAddressIsNamed) {
    ZookeeperCluster& cluster = shared();
    const int leader = cluster.leader();
    const auto store = open({cluster.peer_port(leader)});  // speaks another protocol
    const auto outcome = read(*store, seconds(5));
    EXPECT_EQ(outcome.status, ReadStatus::failed);
    EXPECT_THAT(outcome.detail, HasSubstr(std::to_string(cluster.peer_port(leader))));
    EXPECT_NE(write(*store, creation(sample_record("a", 1)), seconds(5)).status, WriteStatus::applied);
}

TEST_F(ZookeeperStoreTest, WhatDripsOrRefusesIsPassedOver) {
    ZookeeperCluster& cluster = shared();
    for (const auto mode : {servers::Relay::Mode::drip, servers::Relay::Mode::refuse, servers::Relay::Mode::one_way}) {
        servers::Relays relays({cluster.port(0)});
        relays.set(mode);
        const auto store = open({relays.ports().front(), cluster.port(1), cluster.port(2)});
        EXPECT_EQ(read(*store).status, ReadStatus::ok) << static_cast<int>(mode);
        const auto alone = open(relays.ports());
        const auto outcome = read(*alone, std::chrono::milliseconds(1500));
        EXPECT_EQ(outcome.status, ReadStatus::failed) << static_cast<int>(mode);
        EXPECT_THAT(outcome.detail, HasSubstr(std::to_string(relays.ports().front())));
    }
}

}  // namespace
}  // namespace leasehold::stores
