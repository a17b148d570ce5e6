// SPDX-License-Identifier: Apache-2.0
//
// What promtool says of the rules, and of their cases.
#include <cstdlib>
#include <filesystem>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/servers/prometheus_server.h"

namespace leasehold::servers {
namespace {

const std::string kRulesChecked = LEASEHOLD_SOURCE_FOLDER "/deploy/prometheus/leasehold.rules.yaml";

class Promtool : public testing::Test {
protected:
    void SetUp() override {
        if (const std::string why = prometheus_unavailable(); !why.empty()) GTEST_SKIP() << why;
    }
};

TEST_F(Promtool, FindsNothingWrongWithTheRules) {
    const auto answer = promtool({"check", "rules", kRulesChecked});
    EXPECT_EQ(answer.status, 0) << answer.said;
}

TEST_F(Promtool, SeesEveryAlertFireAndKeepSilentInItsCases) {
    std::vector<std::string> arguments{"test", "rules"};
    for (const auto& entry : std::filesystem::directory_iterator(LEASEHOLD_SOURCE_FOLDER "/tests/prometheus")) {
        if (entry.path().extension() == ".yaml") arguments.push_back(entry.path());
    }
    ASSERT_GT(arguments.size(), 3U);
    const auto answer = promtool(arguments);
    EXPECT_EQ(answer.status, 0) << answer.said;
}

// Those of a leader and of a standby are looked at in the failover.
TEST_F(Promtool, FindsNothingWrongWithTheMetricsOfASidecar) {
    const harness::TempFolder folder;
    harness::write_file(folder.path("sidecar.yaml"),
                        fmt::format("election: {{name: beside, store: {{file: {{path: {}}}}}}}\n"
                                    "http: {{listen: [\"127.0.0.1:0\"]}}\n",
                                    folder.path("beside.lease")));
    const harness::Process sidecar(
        {.arguments = {harness::leasehold_program(), "sidecar", "--config", folder.path("sidecar.yaml")},
         .output = folder.path("log"),
         .environment = {}});
    int port = 0;
    ASSERT_TRUE(harness::eventually([&] {
        const std::string log = harness::read_file(folder.path("log"));
        const std::string mark = "serving http on 127.0.0.1:";
        if (const auto at = log.find(mark); at != std::string::npos) port = std::atoi(log.c_str() + at + mark.size());
        return port != 0;
    })) << harness::read_file(folder.path("log"));
    const std::string text = harness::http_get(port, "/metrics").body;
    EXPECT_NE(text.find("leader_election_master_status{name=\"beside\"} "), std::string::npos) << text;
    const auto answer = promtool({"check", "metrics"}, text);
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.said, "");
}

}  // namespace
}  // namespace leasehold::servers
