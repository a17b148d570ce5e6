// SPDX-License-Identifier: Apache-2.0
#include "app/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leasehold::app {
namespace {

using testing::HasSubstr;

config::Options accepted() {
    config::Options options;
    options.identity = "me";
    options.election.name = "test";
    options.workload.command = {"true"};
    return options;
}

TEST(Reload, SaysWhatChangesWhen) {
    config::Options wanted = accepted();
    wanted.election.timing.retry_period = std::chrono::seconds(1);
    wanted.workload.stop.grace_period = std::chrono::minutes(5);
    wanted.workload.command = {"false"};
    wanted.http.listen = {"127.0.0.1:1"};
    wanted.http.token_file = "/run/token";
    const auto changes = settle_changes(accepted(), wanted);
    ASSERT_TRUE(changes);
    EXPECT_EQ(changes->text,
              "in force: election.retry_period, workload.stop.grace_period; from the next start of the workload on: "
              "workload.command; as before, because it takes a new start of leasehold: http.listen, "
              "http.token_file");
    EXPECT_EQ(changes->options.http, accepted().http);
    EXPECT_EQ(changes->options.workload.command, wanted.workload.command);
}

TEST(Reload, AnIdentityThatWasMadeStays) {
    config::Options wanted = accepted();
    wanted.identity.clear();
    const auto changes = settle_changes(accepted(), wanted);
    ASSERT_TRUE(changes);
    EXPECT_EQ(changes->text, "");
    EXPECT_EQ(changes->options, accepted());
}

// One way to find out excludes the other, and the socket for the workload's word is made at the start only.
TEST(Reload, AnotherWayToBeReadyTakesANewStart) {
    config::Options notified = accepted();
    notified.workload.ready.notify = true;
    notified.workload.ready.probe.given = true;
    config::Options wanted = notified;
    wanted.workload.ready.notify = false;
    wanted.workload.ready.probe.http = "http://127.0.0.1:1/";
    wanted.workload.ready.start_timeout = std::chrono::minutes(1);
    const auto changes = settle_changes(notified, wanted);
    ASSERT_TRUE(changes);
    EXPECT_EQ(changes->options.workload.ready, notified.workload.ready);
    EXPECT_THAT(changes->text,
                HasSubstr("as before, because it takes a new start of leasehold: workload.ready.notify"));
    wanted = notified;
    wanted.workload.ready.start_timeout = std::chrono::minutes(1);
    EXPECT_EQ(settle_changes(notified, wanted)->text, "in force: workload.ready.start_timeout");
}

TEST(Reload, AnotherElectionIsRefused) {
    config::Options wanted = accepted();
    wanted.election.name = "other";
    const auto changes = settle_changes(accepted(), wanted);
    ASSERT_FALSE(changes);
    EXPECT_THAT(changes.error().message, HasSubstr("is other instead of test"));
    wanted = accepted();
    wanted.election.store.kind = config::StoreKind::consul;
    EXPECT_FALSE(settle_changes(accepted(), wanted));
}

}  // namespace
}  // namespace leasehold::app
