// SPDX-License-Identifier: Apache-2.0
//
// What a user sees of one candidate: exit statuses, the environment, the endpoints.
#include <csignal>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/harness/candidate.h"

namespace leasehold::harness {
namespace {

class Workload : public testing::Test {
protected:
    Candidate start(std::vector<std::string> command, const std::string& name = "only") {
        return Candidate({.folder = folder_.path(),
                          .name = name,
                          .command = std::move(command),
                          .timing = {},
                          .listen = "127.0.0.1:0",
                          .extra = "logging: {level: debug}\n"});
    }

    TempFolder folder_;
};

TEST_F(Workload, ItsExitStatusIsOurs) {
    EXPECT_EQ(start({"true"}, "a").process().wait(), 0);
    EXPECT_EQ(start({"sh", "-c", "exit 3"}, "b").process().wait(), 3);
    EXPECT_EQ(start({"sh", "-c", "kill -KILL $$"}, "c").process().wait(), 128 + SIGKILL);
}

TEST_F(Workload, IsToldItsTermAndToken) {
    const std::string out = folder_.path("out");
    ASSERT_EQ(start({"sh", "-c", "env > " + out}).process().wait(), 0);
    const std::string env = read_file(out);
    for (const char* line : {"LEASEHOLD_IDENTITY=only\n", "LEASEHOLD_ELECTION=test\n", "LEASEHOLD_ROLE=leader\n",
                             "LEASEHOLD_FENCING_TOKEN=", "LEASEHOLD_TRANSITIONS=1\n", "LEASEHOLD_TERM_ID="}) {
        EXPECT_NE(env.find(line), std::string::npos) << line << " is missing in\n" << env;
    }
}

TEST_F(Workload, SignalsReachIt) {
    const std::string out = folder_.path("out");
    Candidate candidate = start({"sh", "-c",
                                 "trap 'echo usr1 >> " + out + "' USR1; trap 'exit 7' TERM; echo up > " + out +
                                     "; while :; do sleep 0.01; done"});
    ASSERT_TRUE(eventually([&] { return read_file(out) == "up\n"; })) << candidate.log();
    candidate.process().signal(SIGUSR1);
    ASSERT_TRUE(eventually([&] { return read_file(out) == "up\nusr1\n"; })) << candidate.log();
    candidate.process().signal(SIGTERM);
    EXPECT_EQ(candidate.process().wait(), 7) << candidate.log();
}

TEST_F(Workload, TheEndpointsTellTheTruth) {
    Candidate leader = start({"sleep", "1000"}, "one");
    const int port = leader.http_port();
    ASSERT_TRUE(eventually([&] { return http_get(port, "/leader").status == 200; })) << leader.log();
    Candidate standby = start({"sleep", "1000"}, "two");
    const int other = standby.http_port();
    ASSERT_TRUE(eventually([&] { return http_get(other, "/readyz").status == 200; })) << standby.log();

    EXPECT_EQ(http_get(port, "/standby").status, 503);
    EXPECT_EQ(http_get(port, "/healthz").status, 200);
    EXPECT_EQ(http_get(port, "/livez").status, 200);
    EXPECT_EQ(http_get(port, "/").body, "{\"name\":\"one\"}");
    EXPECT_EQ(http_get(other, "/leader").status, 503);
    EXPECT_EQ(http_get(other, "/standby").status, 200);
    EXPECT_EQ(http_get(other, "/healthz").status, 200);
    ASSERT_TRUE(eventually([&] { return http_get(other, "/").body == "{\"name\":\"one\"}"; }));
    EXPECT_NE(http_get(port, "/metrics").body.find("leader_election_master_status{name=\"test\"} 1"),
              std::string::npos);
    EXPECT_NE(http_get(other, "/metrics").body.find("leader_election_master_status{name=\"test\"} 0"),
              std::string::npos);
    EXPECT_NE(http_get(port, "/status").body.find("\"one\""), std::string::npos);

    leader.process().signal(SIGTERM);
    EXPECT_EQ(leader.process().wait(), 128 + SIGTERM) << leader.log();
    EXPECT_TRUE(eventually([&] { return http_get(other, "/leader").status == 200; })) << standby.log();
    standby.process().signal(SIGTERM);
    EXPECT_TRUE(standby.process().wait()) << standby.log();
}

TEST_F(Workload, AStandbyStopsWithStatusZero) {
    Candidate leader = start({"sleep", "1000"}, "one");
    ASSERT_TRUE(eventually([&] { return leader.log().find("started the workload") != std::string::npos; }))
        << leader.log();
    Candidate standby = start({"sleep", "1000"}, "two");
    ASSERT_TRUE(eventually([&] { return standby.log().find("holds the lease") != std::string::npos; }))
        << standby.log();
    standby.process().signal(SIGTERM);
    EXPECT_EQ(standby.process().wait(), 0) << standby.log();
    leader.process().signal(SIGTERM);
    EXPECT_TRUE(leader.process().wait()) << leader.log();
}

}  // namespace
}  // namespace leasehold::harness
