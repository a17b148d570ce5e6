// SPDX-License-Identifier: Apache-2.0
//
// leasehold candidates on each real cluster. Its servers and their network fail in tests/faults.
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/clusters/shared_ensembles.h"
#include "tests/harness/with_candidates.h"
#include "tests/servers/relays.h"

namespace leasehold::servers {

// For the names of tests.
void PrintTo(const EnsembleKind& kind, std::ostream* out) { *out << kind.name; }

namespace {

using harness::Candidate;
using harness::eventually;
using harness::Process;
using harness::TestTiming;
using std::chrono::seconds;
using testing::HasSubstr;

const TestTiming kQuick{"2s", "1s", "200ms", ""};
const std::string kElection = "test";

class EnsembleTest : public testing::TestWithParam<EnsembleKind> {
protected:
    void SetUp() override {
        if (!GetParam().unavailable.empty()) GTEST_SKIP() << GetParam().unavailable;
        ensemble_ = &SharedEnsembles::get(GetParam());
        ensemble_->remove(kElection);
    }

    std::string here() { return ensemble_->store_option(ensemble_->client_ports()); }

    Ensemble* ensemble_ = nullptr;
};

class ElectionTest : public harness::WithCandidates<EnsembleTest> {
protected:
    std::string default_store() override { return here(); }
    std::string renew_time() override {
        const auto record = nlohmann::json::parse(ensemble_->text(kElection).value_or(""), nullptr, false);
        return record.is_object() ? record.value("renewTime", "") : "";
    }

    // The output of a command, with the configuration of a candidate that would stand here.
    struct Done {
        int status = -1;
        std::string output;
    };
    Done leasehold(std::vector<std::string> command, const std::string& store) {
        const std::string config = folder_.path("command.yaml");
        const std::string output = folder_.path("command.out");
        harness::write_file(config, "election: {name: " + kElection + ", lease_duration: 2s, renew_deadline: 1s, " +
                                        "retry_period: 200ms, store: {" + store +
                                        "}}\nworkload: {command: [/bin/true]}\n");
        command.insert(command.begin(), harness::leasehold_program());
        command.insert(command.end(), {"--config", config});
        Process process({.arguments = std::move(command), .output = output, .environment = {}});
        const auto status = process.wait();
        return {status.value_or(-1), harness::read_file(output)};
    }
};

TEST_P(ElectionTest, TheVeryFirstStartWaits) {
    const auto begun = harness::monotonic_now();
    auto& candidate = start("a", {.timing = kQuick});
    EXPECT_GE(next_run(0).first - begun, seconds(2));
    EXPECT_THAT(candidate.log(), HasSubstr("there is no record of a holder"));
}

TEST_P(ElectionTest, APreparedRecordSparesTheWait) {
    const Done done = leasehold({"init"}, here());
    EXPECT_EQ(done.status, 0) << done.output;
    EXPECT_THAT(leasehold({"init"}, here()).output, HasSubstr("is there already"));
    auto& candidate = start("a", {.timing = {"60s", "40s", "200ms", ""}});
    next_run(0);
    EXPECT_THAT(candidate.log(), testing::Not(HasSubstr("there is no record of a holder")));
}

TEST_P(ElectionTest, HandsOverInOrderAndTakesOverAfterALoss) {
    for (const char* name : {"a", "b", "c"}) start(name, {.timing = kQuick});
    const std::string first = next_run(0).identity;
    candidate_named(first).process().signal(SIGTERM);
    EXPECT_EQ(candidate_named(first).process().wait(), 0);
    const std::string second = next_run(1).identity;
    candidate_named(second).kill_all();
    EXPECT_NE(next_run(2).identity, second);
}

TEST_P(ElectionTest, WhatIsNoRecordCountsAsHeld) {
    ensemble_->put(kElection, "a shopping list");
    auto& candidate = start("a", {.timing = kQuick});
    EXPECT_TRUE(logs(candidate, "the record cannot be understood and counts as held"));
    let_pass(seconds(3));
    EXPECT_TRUE(board_->runs().empty());
}

TEST_P(ElectionTest, AStandbyAsksForLittle) {
    Relays relays(ensemble_->client_ports());
    start("a", {.timing = kQuick});
    next_run(0);
    auto& standby = start("b", {.timing = kQuick, .store = ensemble_->store_option(relays.ports())});
    ASSERT_TRUE(logs(standby, "a holds the lease"));
    ASSERT_TRUE(renewals(5));  // it has settled
    const auto counts = [&relays] {
        Relay::Counts sum;
        for (std::size_t way = 0; way < relays.size(); ++way) {
            sum.connections += relays[way].counts().connections;
            sum.bytes_to_server += relays[way].counts().bytes_to_server;
        }
        return sum;
    };
    const Relay::Counts before = counts();
    constexpr int kLeases = 4;
    let_pass(kLeases * seconds(2));
    const Relay::Counts after = counts();
    EXPECT_EQ(after.connections, before.connections);
    // A read a lease: some 300 bytes. A poll at the retry period would be ten times that.
    const std::size_t changes = kLeases * 10 + 1;  // of 2 s each, renewed every 200 ms
    EXPECT_LE(after.bytes_to_server - before.bytes_to_server,
              2 * 300U * kLeases + changes * ensemble_->bytes_per_change());
}

// With the port of a server that is there in the place of the default.
TEST_P(ElectionTest, TheExampleWorks) {
    std::string example = harness::read_file(std::string(EXAMPLES) + '/' + GetParam().name + ".yaml");
    const auto begin = example.find(':', example.find("127.0.0.1")) + 1;
    const auto end = example.find_first_not_of("0123456789", begin);
    ASSERT_GT(end, begin);
    example.replace(begin, end - begin, std::to_string(ensemble_->client_ports().front()));
    example.replace(example.find("name: billing"), 13, "name: " + kElection);
    const std::string config = folder_.path("example.yaml");
    harness::write_file(config, example);
    EXPECT_EQ(leasehold({"init"}, here()).status, 0);
    Process candidate({.arguments = {harness::leasehold_program(), "run", "--config", config, "--",
                                     harness::stamper_program(), folder_.path("board")},
                       .output = folder_.path("example.log"),
                       .environment = {"HTTP_PORT=0"}});
    next_run(0);
    candidate.signal(SIGTERM);
    EXPECT_EQ(candidate.wait(), 0) << harness::read_file(folder_.path("example.log"));
}

TEST_P(ElectionTest, AProbeSaysWhatARunWouldFind) {
    const Done good = leasehold({"check", "--probe"}, here());
    EXPECT_EQ(good.status, 0) << good.output;
    EXPECT_FALSE(ensemble_->text(kElection)) << "a probe has written";
    Relays relays(ensemble_->client_ports());
    relays.set(Relay::Mode::refuse);
    const Done bad = leasehold({"check", "--probe"}, ensemble_->store_option(relays.ports()));
    EXPECT_NE(bad.status, 0);
    EXPECT_THAT(bad.output, HasSubstr(std::to_string(relays.ports().front())));
}

INSTANTIATE_TEST_SUITE_P(Clusters, ElectionTest, testing::ValuesIn(ensemble_kinds()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace leasehold::servers
