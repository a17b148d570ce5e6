// SPDX-License-Identifier: Apache-2.0
//
// The whole program on a real API server: rights, hand-overs, and what the server sees of it.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/kubeapi/leasehold_fixture.h"

namespace leasehold::servers {
namespace {

using harness::eventually;
using harness::Stint;
using harness::TestTiming;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

TEST_F(LeaseholdTest, HandsOverOnSigtermWithTheRightsOfTheShippedRole) {
    const auto account = api().create_service_account(name_space(), "billing");
    grant_role(account.user);
    make_unused_lease();
    const std::string kubeconfig = api().kubeconfig(account.user, name_space());
    const TestTiming timing{"5s", "3500ms", "500ms", ""};  // nobody loses the lease on a busy machine
    for (const char* name : {"a", "b", "c"}) start(name, {.timing = timing, .store = store_with(kubeconfig)});
    Stint leader = next_run(0);
    const std::size_t mark = api().audit().read().size();
    for (int i = 0; i < 5 && !HasFailure(); ++i) {
        const std::size_t before = board_->runs().size();
        auto& stopped = candidate_named(leader.identity);
        stopped.process().signal(SIGTERM);
        ASSERT_EQ(stopped.process().wait(), 0) << stopped.log();
        leader = next_run(before);
        std::erase_if(candidates_, [&](const auto& one) { return one.get() == &stopped; });
        start(std::string(1, static_cast<char>('d' + i)), {.timing = timing, .store = store_with(kubeconfig)});
    }
    const auto object = lease();
    EXPECT_EQ(object["spec"]["leaseTransitions"], 6);
    EXPECT_EQ(object["spec"]["holderIdentity"], leader.identity);
    EXPECT_EQ(object["spec"]["leaseDurationSeconds"], 5);
    for (const AuditedRequest& request : matching(api().audit().since(mark), {.user = account.user})) {
        EXPECT_NE(request.status, 403) << request.verb << ' ' << request.uri;
    }
}

TEST_F(LeaseholdTest, TheTokenIsTheResourceVersionOfTheWriteThatBeganTheTerm) {
    make_unused_lease();
    const std::uint64_t before = std::stoull(lease()["metadata"]["resourceVersion"].get<std::string>());
    start("a");
    const Stint first = next_run(0);
    EXPECT_GT(first.token, before);
    EXPECT_LE(first.token, std::stoull(lease()["metadata"]["resourceVersion"].get<std::string>()));
}

TEST_F(LeaseholdTest, TheVeryFirstStartWaitsUnlessTheLeaseIsThere) {
    auto& waiting = start("a", {.timing = {"3s", "2s", "500ms", ""}});
    EXPECT_TRUE(logs(waiting, "there is no record of a holder"));
    next_run(0);
    EXPECT_THAT(waiting.log(), HasSubstr("waiting 3s"));
}

// Neither before the lease has passed since the last renewal, nor much later than the leader was lost.
TEST_F(LeaseholdTest, TakesOverWhenACandidateIsLost) {
    make_unused_lease();
    const TestTiming timing{"3s", "2s", "300ms", ""};
    auto& first = start("a", {.timing = timing});
    next_run(0);
    start("b", {.timing = timing});
    ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    const auto renewed = before_next_renewal();
    first.kill_all();
    const auto lost = harness::monotonic_now();
    const Stint successor = next_run(1);
    EXPECT_EQ(successor.identity, "b");
    EXPECT_GE(successor.first - renewed, seconds(3)) << candidate_named("b").log();
    EXPECT_LE(successor.first - lost, seconds(6)) << candidate_named("b").log();
}

TEST_F(LeaseholdTest, ASupervisorThatIsKilledCostsNoLease) {
    make_unused_lease();
    auto& first = start("a", {.timing = {"15s", "10s", "2s", ""}});
    next_run(0);
    start("b", {.timing = {"15s", "10s", "2s", ""}});
    ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    ::kill(first.role("leasehold-super"), SIGKILL);
    next_run(1);
}

TEST_F(LeaseholdTest, EventsTellWhoLeads) {
    make_unused_lease();
    auto& first = start("a");
    next_run(0);
    const std::string uid = lease()["metadata"]["uid"];
    first.process().signal(SIGTERM);
    EXPECT_EQ(first.process().wait(), 0);
    const std::string log = first.log();
    candidates_.clear();
    std::string all;
    EXPECT_TRUE(eventually([&] {
        all.clear();
        const auto list = api().must("GET", "/api/v1/namespaces/" + name_space() + "/events");
        for (const auto& event : list["items"]) {
            if (event["involvedObject"]["uid"] == uid) all += event["message"].get<std::string>() + ';';
        }
        return all.find("a became leader;") != std::string::npos && all.find("a stopped leading;") != std::string::npos;
    })) << all
        << log;
    const auto described =
        api().kubectl({"get", "events", "--field-selector", "involvedObject.name=test"}, KubeApi::kAdmin, name_space());
    EXPECT_THAT(described.text, HasSubstr("became leader"));
}

class PodsTest : public LeaseholdTest {
protected:
    void make_pods(const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            api().must(
                "POST", pods(),
                {{"metadata", {{"name", name}}}, {"spec", {{"containers", {{{"name", "c"}, {"image", "nothing"}}}}}}});
        }
    }
    std::string role_of(const std::string& pod) {
        const auto object = api().must("GET", pods() + '/' + pod);
        return object["metadata"].value("labels", nlohmann::json::object()).value("leasehold.io/role", "");
    }

private:
    std::string pods() { return "/api/v1/namespaces/" + name_space() + "/pods"; }
};

TEST_F(PodsTest, TheLabelSaysWhoLeads) {
    make_unused_lease();
    make_pods({"a", "b"});
    const std::string kubeconfig = api().kubeconfig(KubeApi::kAdmin, name_space());
    auto& first = start("a", {.store = store_with(kubeconfig, "pod: a")});
    next_run(0);
    start("b", {.store = store_with(kubeconfig, "pod: b")});
    EXPECT_TRUE(eventually([&] { return role_of("a") == "leader" && role_of("b") == "standby"; }));
    first.process().signal(SIGTERM);
    EXPECT_EQ(first.process().wait(), 0);
    EXPECT_EQ(role_of("a"), "standby");
    EXPECT_TRUE(eventually([&] { return role_of("b") == "leader"; }));
}

TEST_F(PodsTest, TheLabelWaitsForTheWorkload) {
    make_unused_lease();
    make_pods({"a"});
    const std::string go = folder_.path("go");
    auto& only = start("a", {.workload = fmt::format("  ready: {{exec: [test, -e, {}], interval: 50ms}}\n", go),
                             .store = store_with(api().kubeconfig(KubeApi::kAdmin, name_space()), "pod: a")});
    next_run(0);
    ASSERT_TRUE(logs(only, "; not ready yet")) << only.log();
    EXPECT_NE(role_of("a"), "leader");
    harness::write_file(go, "");
    EXPECT_TRUE(eventually([&] { return role_of("a") == "leader"; })) << only.log();
}

TEST_F(LeaseholdTest, MissingRightsAreNamedAndTheRunGoesOnOnceTheyAreThere) {
    make_unused_lease();
    const auto account = api().create_service_account(name_space(), "nobody");
    auto& candidate = start("a", {.store = store_with(api().kubeconfig(account.user, name_space()))});
    EXPECT_TRUE(logs(candidate, "cannot get"));
    EXPECT_THAT(candidate.log(), HasSubstr(account.user));
    EXPECT_THAT(candidate.log(), HasSubstr("leasehold check --probe"));
    grant_role(account.user);
    next_run(0);
}

TEST_F(LeaseholdTest, ARestartOfTheServerGoesUnnoticed) {
    make_unused_lease();
    start("a", {.timing = {"40s", "35s", "500ms", ""}});
    next_run(0);
    start("b", {.timing = {"40s", "35s", "500ms", ""}});
    ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    for (int i = 0; i < 2; ++i) {
        const std::string before = lease()["spec"]["renewTime"];
        api().stop(milliseconds(500));
        api().start();
        EXPECT_TRUE(eventually([&] { return lease()["spec"]["renewTime"] != before; }));
    }
    EXPECT_EQ(board_->runs().size(), 1U);
    EXPECT_EQ(lease()["spec"]["leaseTransitions"], 1);
}

TEST_F(LeaseholdTest, AServerThatIsSilentForLessThanTheDeadlineGoesUnnoticed) {
    make_unused_lease();
    start("a", {.timing = {"40s", "35s", "500ms", ""}});
    next_run(0);
    const std::string before = lease()["spec"]["renewTime"];
    api().pause();
    EXPECT_TRUE(logs(candidate_named("a"), "timeout"));
    api().resume();
    EXPECT_TRUE(eventually([&] { return lease()["spec"]["renewTime"] != before; }));
    EXPECT_EQ(board_->runs().size(), 1U);
}

TEST_F(LeaseholdTest, ASilentServerEndsTheWorkloadInTimeAndItComesBack) {
    make_unused_lease();
    start("a", {.timing = {"2s", "1s", "200ms", ""}});
    start("b", {.timing = {"2s", "1s", "200ms", ""}});
    next_run(0);
    api().pause();
    EXPECT_TRUE(eventually([&] { return board_->living_trees().empty(); }));
    api().resume();
    next_run(1);
}

TEST_F(LeaseholdTest, ADeletedLeaseIsMadeAgainByItsHolder) {
    make_unused_lease();
    start("a", {.timing = {"2s", "1s", "200ms", ""}});
    next_run(0);
    start("b", {.timing = {"2s", "1s", "200ms", ""}});
    ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    for (int i = 0; i < 3; ++i) {
        const std::string uid = lease()["metadata"]["uid"];
        api().must("DELETE", kLeases + name_space() + "/leases/test");
        EXPECT_TRUE(eventually([&] {
            const auto answer = api().request("GET", kLeases + name_space() + "/leases/test");
            return answer.status == 200 && answer.json()["metadata"]["uid"] != uid;
        }));
    }
    EXPECT_EQ(lease()["spec"]["holderIdentity"], "a");
    EXPECT_EQ(board_->runs().size(), 1U);
}

TEST_F(LeaseholdTest, InSteadyStateTheLeaderRenewsAndAStandbyOnlyWatches) {
    make_unused_lease();
    const auto first = api().create_service_account(name_space(), "first");
    const auto second = api().create_service_account(name_space(), "second");
    for (const auto& account : {first, second}) grant_role(account.user);
    const harness::TestTiming timing{"5s", "3s", "500ms", ""};
    start("a", {.timing = timing, .store = store_with(api().kubeconfig(first.user, name_space()))});
    next_run(0);
    start("b", {.timing = timing, .store = store_with(api().kubeconfig(second.user, name_space()))});
    ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    const std::size_t mark = api().audit().read().size();
    const auto updates = [&] {
        return matching(api().audit().since(mark), {.user = first.user, .verb = "update"}).size();
    };
    ASSERT_TRUE(eventually([&] { return updates() >= 20; }));
    const auto all = api().audit().since(mark);
    // Only renewals, one after the other; a label may be left to write at the beginning.
    EXPECT_LE(matching(all, {.user = first.user}).size() - matching(all, {.user = first.user, .verb = "update"}).size(),
              1U)
        << summary(matching(all, {.user = first.user}));
    EXPECT_LE(matching(all, {.user = second.user}).size(), 1U) << summary(matching(all, {.user = second.user}));
}

}  // namespace
}  // namespace leasehold::servers
