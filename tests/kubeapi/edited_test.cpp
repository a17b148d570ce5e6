// SPDX-License-Identifier: Apache-2.0
//
// Lock objects that somebody else has made, or edits while they are in use.
#include <csignal>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "election/stores/kubernetes/lock_object.h"
#include "tests/kubeapi/leasehold_fixture.h"

namespace leasehold::servers {
namespace {

using harness::Candidate;
using harness::eventually;
using harness::TestTiming;
using nlohmann::json;
using stores::kubernetes::kLeaderAnnotation;
using testing::HasSubstr;

const TestTiming kShortTiming{"3s", "2s", "300ms", ""};
constexpr std::chrono::seconds kLease{3};

class EditedTest : public LeaseholdTest {
protected:
    std::string collection(const std::string& resource) const {
        return (resource == "leases" ? kLeases : "/api/v1/namespaces/") + name_space() + '/' + resource;
    }
    std::string object(const std::string& resource) const { return collection(resource) + "/test"; }

    Candidate& start_with(const std::string& name, const std::string& lock = "lease") {
        return start(name, {.timing = kShortTiming,
                            .store = store_with(api().kubeconfig(KubeApi::kAdmin, name_space()), "lock: " + lock)});
    }
    // a leads, b knows it.
    void start_two(const std::string& lock = "lease") {
        start_with("a", lock);
        next_run(0);
        start_with("b", lock);
        ASSERT_TRUE(logs(candidate_named("b"), "a holds the lease"));
    }
    json edit(const std::string& resource, const json& change) { return api().must("PATCH", object(resource), change); }

    // Changes of the object, by whomever.
    bool written_again(const std::string& resource, int times) {
        const auto version = [&] { return api().must("GET", object(resource))["metadata"]["resourceVersion"]; };
        for (json last = version(); times > 0; --times) {
            if (!eventually([&] { return version() != last; })) return false;
            last = version();
        }
        return true;
    }
};

TEST_F(EditedTest, ALeaseWithoutASpecIsWaitedForAndANegativeDurationIsRefusedByTheServer) {
    json lease{{"metadata", {{"name", "test"}}}, {"spec", {{"holderIdentity", "x"}, {"leaseDurationSeconds", -1}}}};
    EXPECT_EQ(api().request("POST", collection("leases"), lease).status, 422);
    lease.erase("spec");
    api().must("POST", collection("leases"), lease);
    const auto made = harness::monotonic_now();
    auto& candidate = start_with("a");
    EXPECT_GE(next_run(0).first - made, kLease);
    EXPECT_THAT(candidate.log(), HasSubstr("there is no record of a holder"));
}

TEST_F(EditedTest, WhatElseStandsInTheObjectStays) {
    const json labels{{"team", "billing"}};
    const json mine{{"data", {{"key", "value"}}}, {"binaryData", {{"bytes", "AAH/"}}}};
    const json subsets = json::array({{{"addresses", {{{"ip", "10.0.0.7"}}}}, {"ports", {{{"port", 80}}}}}});
    const json annotations{{"example.com/note", "kept"}, {stores::kubernetes::kUnusedAnnotation, "true"}};
    for (const std::string resource : {"configmaps", "endpoints"}) {
        SCOPED_TRACE(resource);
        json made{{"metadata", {{"name", "test"}, {"labels", labels}, {"annotations", annotations}}}};
        if (resource == "configmaps") made.update(mine);
        if (resource == "endpoints") made["subsets"] = subsets;
        api().must("POST", collection(resource), made);
        const std::size_t before = board_->runs().size();
        auto& candidate = start_with(resource, resource == "endpoints" ? "endpoints" : "configmap");
        next_run(before);
        EXPECT_TRUE(written_again(resource, 3));
        candidate.process().signal(SIGTERM);
        EXPECT_EQ(candidate.process().wait(), 0);
        const json kept = api().must("GET", object(resource));
        EXPECT_EQ(kept["metadata"]["labels"], labels);
        EXPECT_EQ(kept["metadata"]["annotations"]["example.com/note"], "kept");
        EXPECT_THAT(kept["metadata"]["annotations"][kLeaderAnnotation].get<std::string>(), HasSubstr("leaseDuration"));
        if (resource == "endpoints") {
            EXPECT_EQ(kept["subsets"][0]["addresses"][0]["ip"], "10.0.0.7");
        } else {
            EXPECT_EQ(kept["data"], mine["data"]);
            EXPECT_EQ(kept["binaryData"], mine["binaryData"]);
        }
    }
}

TEST_F(EditedTest, AHolderThatIsEmptiedIsWrittenAgainAndNobodyTakesIt) {
    make_unused_lease();
    start_two();
    for (int i = 0; i < 5; ++i) {
        edit("leases", {{"spec", {{"holderIdentity", ""}}}});
        EXPECT_TRUE(eventually([&] { return lease()["spec"]["holderIdentity"] == "a"; }));
    }
    EXPECT_TRUE(renewals(5));
    EXPECT_THAT(candidate_named("a").log(), HasSubstr("writing it again"));
    EXPECT_EQ(board_->runs().size(), 1U);
    EXPECT_EQ(lease()["spec"]["leaseTransitions"], 1);
}

// As `kubectl replace --force`, or `delete` and `apply`, of the shipped manifest do it.
TEST_F(EditedTest, APreparedLeaseInPlaceOfOneThatIsHeldIsNotFree) {
    make_unused_lease();
    start_two();
    // While the holder looks away: it would have written it again before it could be made.
    const pid_t agent = candidate_named("a").role("leasehold-agent");
    const auto replace = [this, agent] {
        kill(agent, SIGSTOP);
        api().must("DELETE", object("leases"));
        make_unused_lease();
    };
    replace();
    ASSERT_TRUE(logs(candidate_named("b"), "the record was deleted or emptied by somebody"));
    kill(agent, SIGCONT);
    EXPECT_TRUE(eventually([&] { return lease()["spec"].value("holderIdentity", "") == "a"; }));
    EXPECT_TRUE(renewals(3));
    EXPECT_EQ(board_->runs().size(), 1U);

    // A holder that cannot write it again meanwhile still has its time.
    const auto before = harness::monotonic_now();
    replace();
    EXPECT_GE(next_run(1).first - before, kLease);
    kill(agent, SIGCONT);
}

TEST_F(EditedTest, AnotherHolderEndsTheTermAtOnceAndIsWaitedFor) {
    make_unused_lease();
    start_two();
    const auto edited = harness::monotonic_now();
    edit("leases", {{"spec", {{"holderIdentity", "somebody"}}}});
    EXPECT_TRUE(eventually([&] { return board_->living_trees().empty(); }));
    EXPECT_TRUE(logs(candidate_named("a"), "somebody holds the lease now; killing the workload at once"));
    EXPECT_GE(next_run(1).first - edited, kLease);
}

TEST_F(EditedTest, AMalformedAnnotationIsHeldUntilItIsTakenAway) {
    const json annotated{{"metadata", {{"name", "test"}, {"annotations", {{kLeaderAnnotation, "{\"holder"}}}}}};
    api().must("POST", collection("endpoints"), annotated);
    auto& candidate = start_with("a", "endpoints");
    EXPECT_TRUE(logs(candidate, "the record cannot be understood and counts as held"));
    EXPECT_THAT(candidate.log(), HasSubstr("leader annotation is damaged"));
    let_pass(kLease + std::chrono::seconds(1));
    EXPECT_TRUE(board_->runs().empty());
    edit("endpoints", {{"metadata", {{"annotations", {{kLeaderAnnotation, nullptr}}}}}});
    next_run(0);
    // The holder mends what is damaged under it.
    for (const char* text : {"null", "{\"holder", "[]"}) {
        edit("endpoints", {{"metadata", {{"annotations", {{kLeaderAnnotation, text}}}}}});
        EXPECT_TRUE(eventually([&] {
            const json now = api().must("GET", object("endpoints"));
            return now["metadata"]["annotations"][kLeaderAnnotation].get<std::string>().find(
                       "\"holderIdentity\":\"a\"") != std::string::npos;
        })) << text;
    }
    EXPECT_TRUE(written_again("endpoints", 5));
    EXPECT_EQ(board_->runs().size(), 1U);
}

}  // namespace
}  // namespace leasehold::servers
