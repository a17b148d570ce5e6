// SPDX-License-Identifier: Apache-2.0
//
// Candidates whose way to the API server fails: all of it or one direction, of the leader, of the standbys, of all.
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include <fmt/core.h>

#include "tests/kubeapi/leasehold_fixture.h"
#include "tests/kubeapi/private_mounts.h"
#include "tests/servers/relay.h"

namespace leasehold::servers {
namespace {

using harness::Candidate;
using harness::eventually;
using harness::Stint;
using harness::TestTiming;
using std::chrono::milliseconds;
using Mode = Relay::Mode;

struct NetworkFault {
    const char* name;
    Mode mode;
    bool resets = false;  // existing connections, so that only new ones meet the mode
};

constexpr std::array kFaults{
    NetworkFault{"black hole", Mode::black_hole}, NetworkFault{"half-open TLS", Mode::black_hole, true},
    NetworkFault{"one way", Mode::one_way},       NetworkFault{"slow drip", Mode::drip},
    NetworkFault{"refused", Mode::refuse},
};

const TestTiming kQuick{"2s", "1s", "200ms", ""};
const TestTiming kPatient{"7s", "4500ms", "300ms", ""};
constexpr milliseconds kMoreThanTheQuickLease{3000};

// Each candidate has a relay of its own.
class NetworkTest : public LeaseholdTest {
protected:
    void TearDown() override {
        for (auto& [name, relay] : relays_) relay->set(Mode::pass);
        LeaseholdTest::TearDown();
    }

    Candidate& start_behind_relay(const std::string& name, Candidate::Options options) {
        relays_[name] = std::make_unique<Relay>(Relay::Options{.server_port = api().port()});
        const std::string url = fmt::format("https://127.0.0.1:{}", relay(name).port());
        options.store = store_with(api().kubeconfig(KubeApi::kAdmin, name_space(), url));
        return start(name, std::move(options));
    }

    Relay& relay(const std::string& name) { return *relays_.at(name); }

    void strike(const std::string& name, const NetworkFault& fault) {
        relay(name).set(fault.mode);
        if (fault.resets) relay(name).cut();
    }

    std::map<std::string, std::unique_ptr<Relay>> relays_;
};

TEST_F(NetworkTest, TheLeadersFailsForLongerThanTheDeadline) {
    make_unused_lease();
    const Candidate::Options stubborn{.command = {harness::stamper_program(), folder_.path("board"), "--ignore-term"},
                                      .timing = kQuick,
                                      .workload = "  stop: {grace_period: 2s}\n"};
    start_behind_relay("a", stubborn);
    next_run(0);
    start_behind_relay("b", stubborn);
    ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    for (const NetworkFault& fault : kFaults) {
        SCOPED_TRACE(fault.name);
        const auto runs = board_->runs();
        auto& leader = candidate_named(runs.back().identity);
        const std::string other = leader.name() == "a" ? "b" : "a";
        const std::size_t mark = leader.log().size();
        strike(leader.name(), fault);
        ASSERT_EQ(next_run(runs.size()).identity, other);
        relay(leader.name()).set(Mode::pass);
        ASSERT_TRUE(logs(leader, other + " holds the lease", mark)) << "it does not find back";
    }
}

TEST_F(NetworkTest, AStandbysFailsForLongerThanALease) {
    make_unused_lease();
    start("leader", {.timing = kQuick});
    next_run(0);
    for (const NetworkFault& fault : kFaults) {
        ASSERT_TRUE(logs(start_behind_relay(fault.name, {.timing = kQuick}), "leader holds the lease"));
    }
    const std::size_t before = board_->runs().size();
    for (const NetworkFault& fault : kFaults) strike(fault.name, fault);
    let_pass(kMoreThanTheQuickLease);
    EXPECT_EQ(board_->runs().size(), before);
    for (const NetworkFault& fault : kFaults) relay(fault.name).set(Mode::pass);
    // Each of them can take over again.
    for (std::size_t i = 0; i < kFaults.size() && !HasFailure(); ++i) {
        const auto runs = board_->runs();
        auto& leader = candidate_named(runs.back().identity);
        leader.process().signal(SIGTERM);
        EXPECT_EQ(leader.process().wait(), 0);
        next_run(runs.size());
    }
}

TEST_F(NetworkTest, OfAllFailsForLongerThanTheDeadline) {
    make_unused_lease();
    for (const char* name : {"a", "b", "c"}) start_behind_relay(name, {.timing = kQuick});
    next_run(0);
    for (auto& [name, relay] : relays_) relay->set(Mode::black_hole);
    EXPECT_TRUE(eventually([&] { return board_->living_trees().empty(); }));
    const std::size_t before = board_->runs().size();
    for (auto& [name, relay] : relays_) relay->set(Mode::pass);
    next_run(before);
}

// A write whose answer is lost is recognised as our own afterwards.
TEST_F(NetworkTest, TheLeadersFailsForLessThanTheDeadline) {
    make_unused_lease();
    auto& leader = start_behind_relay("a", {.timing = kPatient});
    next_run(0);
    for (const NetworkFault& fault : kFaults) {
        SCOPED_TRACE(fault.name);
        const double failed = failed_renewals(leader);
        strike("a", fault);
        EXPECT_TRUE(eventually([&] { return failed_renewals(leader) > failed; }));
        relay("a").set(Mode::pass);
        EXPECT_TRUE(renewals(2));
    }
    for (int i = 0; i < 5; ++i) {
        relay("a").cut();
        EXPECT_TRUE(renewals(1));
    }
    EXPECT_EQ(board_->runs().size(), 1U);
    EXPECT_EQ(lease()["spec"]["leaseTransitions"], 1);
}

// A name that stands for two addresses, of which one does not work.
TEST_F(NetworkTest, OneOfTwoAddressesFails) {
    if (!may_have_private_mounts()) GTEST_SKIP() << "needs root, to give a candidate an /etc/hosts of its own";
    make_unused_lease();
    Relay first({.server_port = api().port()});
    Relay second({.listen = "127.0.0.2", .port = first.port(), .server_port = api().port()});
    const std::string name = "kubernetes.default.svc";  // stands in the server's certificate
    harness::write_file(folder_.path("hosts"), fmt::format("127.0.0.1 {0}\n127.0.0.2 {0}\n", name));
    const std::string url = fmt::format("https://{}:{}", name, first.port());
    first.set(Mode::refuse);
    auto& leader =
        start("a", {.timing = kPatient,
                    .launcher = with_private_mounts("mount --bind '" + folder_.path("hosts") + "' /etc/hosts"),
                    .store = store_with(api().kubeconfig(KubeApi::kAdmin, name_space(), url))});
    next_run(0);
    first.set(Mode::pass);
    for (const Mode mode : {Mode::black_hole, Mode::refuse}) {
        for (Relay* broken : {&second, &first}) {
            broken->set(mode);
            EXPECT_TRUE(renewals(3)) << leader.log();
            broken->set(Mode::pass);
        }
    }
    EXPECT_GT(first.counts().bytes_to_client, 0U);
    EXPECT_EQ(board_->runs().size(), 1U);
    leader.process().signal(SIGTERM);
    EXPECT_EQ(leader.process().wait(), 0);
}

}  // namespace
}  // namespace leasehold::servers
