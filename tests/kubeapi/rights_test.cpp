// SPDX-License-Identifier: Apache-2.0
//
// Rights that are missing while a candidate runs, and what is said of them.
#include <string>

#include <gmock/gmock.h>

#include "tests/harness/http_get.h"
#include "tests/kubeapi/leasehold_fixture.h"

namespace leasehold::servers {
namespace {

using harness::eventually;
using testing::AllOf;
using testing::HasSubstr;

class RightsTest : public LeaseholdTest {
protected:
    void SetUp() override {
        LeaseholdTest::SetUp();
        if (IsSkipped()) return;
        account_ = api().create_service_account(name_space(), "billing");
        make_unused_lease();
    }
    void allow(const std::vector<std::string>& verbs) {
        api().grant(name_space(), account_.user, {{"coordination.k8s.io", "leases", verbs, {"test"}}});
    }
    harness::Candidate& start_limited() {
        const std::string kubeconfig = api().kubeconfig(account_.user, name_space());
        return start("a", {.store = store_with(kubeconfig, "events: false, role_label: none")});
    }
    static int times_in(const std::string& text, const std::string& part) {
        int times = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
        return times;
    }
    static std::string last_errors(harness::Candidate& candidate) {
        const auto status = nlohmann::json::parse(harness::http_get(candidate.http_port(), "/status").body);
        return status["last_errors"].dump();
    }

    KubeApi::ServiceAccount account_;
};

TEST_F(RightsTest, AMissingWatchIsSaidOnceWithTheRoleAndSoIsItsEnd) {
    allow({"get", "update"});
    auto& candidate = start_limited();
    next_run(0);  // it leads all the same
    EXPECT_TRUE(renewals(10));
    const std::string refused = "User \"" + account_.user + "\" cannot watch resource \"leases\"";
    const std::string log = candidate.log();
    EXPECT_EQ(times_in(log, "there is no watch, so changes are noticed later: watch of leases.coordination.k8s.io " +
                                name_space() + "/test"),
              1);
    EXPECT_THAT(log, HasSubstr(refused));
    EXPECT_EQ(times_in(log, "| kind: Role\n"), 1);
    EXPECT_THAT(log, AllOf(HasSubstr("kind: RoleBinding\n"), HasSubstr("name: \"billing\"\n"),
                           HasSubstr("verbs: [\"get\", \"update\", \"watch\"]\n")));
    EXPECT_THAT(last_errors(candidate), AllOf(HasSubstr("watch failed (forbidden)"), HasSubstr(account_.user)));
    allow({"watch"});
    EXPECT_TRUE(logs(candidate, "the watch works again"));
}

TEST_F(RightsTest, WithoutAnyRightTheLogHasTheRoleToApply) {
    auto& candidate = start_limited();
    ASSERT_TRUE(logs(candidate, "cannot get resource"));
    ASSERT_TRUE(logs(candidate, "kind: RoleBinding"));
    ASSERT_TRUE(logs(candidate, "namespace: \"" + name_space() + "\"\n", candidate.log().find("kind: ServiceAccount")));
    const std::string log = candidate.log();
    std::string yaml;
    const std::string begin = "apiVersion: ";
    std::size_t at = log.find("| ");
    ASSERT_EQ(log.substr(at + 2, begin.size()), begin) << log;
    while (at != std::string::npos) {
        const std::size_t end = log.find('\n', at);
        yaml += log.substr(at + 2, end + 1 - (at + 2));
        const std::size_t next = log.find('\n', end + 1);
        const std::size_t bar = log.find("| ", end);
        at = bar < next ? bar : std::string::npos;  // of this block only
    }
    const auto applied = api().apply(yaml, name_space());
    ASSERT_EQ(applied.status, 0) << applied.text << yaml;
    next_run(0);
    EXPECT_TRUE(renewals(3));
}

}  // namespace
}  // namespace leasehold::servers
