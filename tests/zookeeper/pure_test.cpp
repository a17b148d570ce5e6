// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/stores/zookeeper/client_library.h"
#include "election/stores/zookeeper/names.h"
#include "election/stores/zookeeper/refusal.h"
#include "election/stores/zookeeper/zookeeper_store.h"

namespace leasehold::stores::zookeeper {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Names, OrdinaryOnesStayAsTheyAre) {
    EXPECT_EQ(znode_name("billing-2.main_x"), "billing-2.main_x");
    EXPECT_EQ(znode_path("/leasehold", "billing"), "/leasehold/billing");
    EXPECT_EQ(znode_path("/", "billing"), "/billing");
}

TEST(Names, WhatZooKeeperDoesNotTakeIsWrittenInAnotherWay) {
    EXPECT_EQ(znode_name("a/b"), "a%2Fb");
    EXPECT_EQ(znode_name("."), "%2E");
    EXPECT_EQ(znode_name(".."), "%2E.");
    EXPECT_EQ(znode_name("zookeeper"), "%7Aookeeper");
    EXPECT_EQ(znode_name(std::string("\0\x1f\x7f\xff", 4)), "%00%1F%7F%FF");
    EXPECT_EQ(znode_name("%2E"), "%252E") << "or it would be another name's";
}

TEST(Names, WhatIsAbove) {
    EXPECT_THAT(ancestors("/a/b/c"), ElementsAre("/a", "/a/b"));
    EXPECT_THAT(ancestors("/a"), ElementsAre());
}

TEST(Names, NoMarkTwice) {
    EXPECT_NE(new_mark(), new_mark());
    EXPECT_TRUE(is_mark(new_mark()));
    EXPECT_FALSE(is_mark("lock-0000000001"));
}

TEST(Refusal, OnlyAServersOwnErrorsProveThatNothingWasDone) {
    for (const int code :
         std::vector<int>{ZNOAUTH, ZINVALIDACL, ZTHROTTLEDOP, ZNOTREADONLY, ZNOCHILDRENFOREPHEMERALS, -125}) {
        EXPECT_TRUE(explain(code, "text", "write", "/p", "s:1", false).not_applied) << code;
        EXPECT_FALSE(is_loss(code)) << code;
    }
    for (const int code :
         std::vector<int>{ZSYSTEMERROR, ZMARSHALLINGERROR, ZDATAINCONSISTENCY, ZUNIMPLEMENTED, ZBADARGUMENTS, 7}) {
        EXPECT_FALSE(explain(code, "text", "write", "/p", "s:1", false).not_applied) << code;
    }
    for (const int code :
         std::vector<int>{ZCONNECTIONLOSS, ZOPERATIONTIMEOUT, ZSESSIONEXPIRED, ZSESSIONMOVED, ZINVALIDSTATE}) {
        EXPECT_TRUE(is_loss(code)) << code;
    }
}

TEST(Refusal, SaysWhatToDo) {
    const auto stranger = explain(ZNOAUTH, "", "write", "/p", "s:1", false);
    EXPECT_EQ(stranger.label, "forbidden");
    EXPECT_THAT(stranger.detail, HasSubstr("set election.store.zookeeper.auth_file"));
    EXPECT_THAT(explain(ZNOAUTH, "", "write", "/p", "s:1", true).detail, HasSubstr("getAcl /p"));
    EXPECT_THAT(explain(ZNOAUTH, "", kMakeBelow, "/p", "s:1", true).detail, HasSubstr("grant c on it"));
    for (const int code : {ZAUTHFAILED, ZSESSIONCLOSEDREQUIRESASLAUTH}) {
        EXPECT_EQ(explain_loss(code, "", "s:1", true).label, "unauthorized");
        EXPECT_THAT(explain_loss(code, "", "s:1", false).detail, HasSubstr("election.store.zookeeper.auth_file"));
    }
    EXPECT_EQ(explain_loss(ZCONNECTIONLOSS, "", "s:1", true).label, "connection_lost");
    EXPECT_THAT(explain(-150, "odd", "read", "/p", "s:1", true).detail, HasSubstr("odd (-150)"));
}

TEST(Credential, IsTheFirstLine) {
    EXPECT_EQ(accept_credential("digest user:a password\r\nmore\n").value(), "digest user:a password");
    for (const char* bad : {"", "\n", "digest", "digest ", " user:password", "digest user", "sasl user:password"}) {
        EXPECT_FALSE(accept_credential(bad)) << bad;
    }
    EXPECT_THAT(accept_credential("digest secret").error().message, testing::Not(HasSubstr("secret")));
}

TEST(ClientLibrary, SaysWhatToInstall) {
    const auto missing = load_client_library("libnothing-at-all.so.7");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, HasSubstr("install the package libzookeeper-mt2"));
    const auto other = load_client_library("libc.so.6");
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message, HasSubstr("is no ZooKeeper client"));
}

TEST(LockId, DoesNotDependOnTheOrderOfServers) {
    EXPECT_EQ(zookeeper_lock_id({{"b:1", "a:1"}, "/p", ""}, "n"), zookeeper_lock_id({{"a:1", "b:1"}, "/p", "/f"}, "n"));
    EXPECT_NE(zookeeper_lock_id({{"a:1"}, "/p", ""}, "n"), zookeeper_lock_id({{"a:1"}, "/q", ""}, "n"));
}

}  // namespace
}  // namespace leasehold::stores::zookeeper
