// SPDX-License-Identifier: Apache-2.0
//
// That the real API server is what the other tests take it for.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/servers/kube_api_fixture.h"
#include "tests/servers/relay.h"

namespace leasehold::servers {
namespace {

using harness::eventually;
using testing::HasSubstr;

constexpr const char* kLeaseVersion = "coordination.k8s.io/v1";

class ServerTest : public KubeApiTest {
protected:
    std::string leases() const { return "/apis/coordination.k8s.io/v1/namespaces/" + name_space() + "/leases"; }

    static nlohmann::json lease(const std::string& name) {
        return {{"apiVersion", kLeaseVersion},
                {"kind", "Lease"},
                {"metadata", {{"name", name}}},
                {"spec", {{"holderIdentity", "somebody"}, {"leaseDurationSeconds", 15}}}};
    }
    int get(const std::string& user) { return api().request("GET", leases(), nullptr, user).status; }
    int create(const std::string& user, const std::string& name) {
        return api().request("POST", leases(), lease(name), user).status;
    }
};

TEST_F(ServerTest, IsTheRealOne) {
    EXPECT_THAT(api().must("GET", "/version").value("gitVersion", ""), testing::StartsWith("v1."));
    EXPECT_EQ(api().request("GET", "/readyz").body, "ok");
}

TEST_F(ServerTest, RolesAllowAndForbid) {
    const std::string reader = KubeApi::user(1);
    const std::string writer = KubeApi::user(2);
    const std::string nobody = KubeApi::user(3);
    api().grant(name_space(), reader, {{"coordination.k8s.io", "leases", {"list", "get"}}});
    api().grant(name_space(), writer, {{"coordination.k8s.io", "leases", {"create"}}});
    EXPECT_EQ(get(reader), 200);
    EXPECT_EQ(create(reader, "a"), 403);
    EXPECT_EQ(get(writer), 403);
    EXPECT_EQ(create(writer, "b"), 201);
    EXPECT_EQ(get(nobody), 403);
    EXPECT_EQ(create(nobody, "c"), 403);
    EXPECT_EQ(get("a token that nobody has"), 401);
    const auto refusal = api().request("GET", leases(), nullptr, nobody).json();
    EXPECT_THAT(refusal.value("message", ""), HasSubstr("User \"" + nobody + "\" cannot list resource \"leases\""));
}

TEST_F(ServerTest, RolesMayNameObjects) {
    const std::string user = KubeApi::user(4);
    api().grant(name_space(), user, {{"coordination.k8s.io", "leases", {"get"}, {"mine"}}});
    EXPECT_EQ(create(KubeApi::kAdmin, "mine"), 201);
    EXPECT_EQ(create(KubeApi::kAdmin, "other"), 201);
    EXPECT_EQ(api().request("GET", leases() + "/mine", nullptr, user).status, 200);
    EXPECT_EQ(api().request("GET", leases() + "/other", nullptr, user).status, 403);
}

TEST_F(ServerTest, ServiceAccountsAreReal) {
    const auto account = api().create_service_account(name_space(), "worker");
    EXPECT_EQ(account.user, "system:serviceaccount:" + name_space() + ":worker");
    EXPECT_EQ(harness::read_file(account.folder + "/token"), account.token);
    EXPECT_EQ(harness::read_file(account.folder + "/namespace"), name_space());
    EXPECT_EQ(harness::read_file(account.folder + "/ca.crt"), api().ca_text());
    EXPECT_EQ(get(account.user), 403);
    EXPECT_THAT(api().request("GET", leases(), nullptr, account.user).body, HasSubstr(account.user));
    api().grant(name_space(), account.user, {{"coordination.k8s.io", "leases", {"list"}}});
    EXPECT_EQ(get(account.user), 200);
    // Its tokens end with it; the server only remembers those it has seen, for ten seconds.
    const auto deleted = api().create_service_account(name_space(), "deleted");
    api().must("DELETE", "/api/v1/namespaces/" + name_space() + "/serviceaccounts/deleted");
    EXPECT_EQ(get(deleted.user), 401);
}

TEST_F(ServerTest, KubectlWorks) {
    const auto applied = api().apply(lease("applied").dump(), name_space());
    EXPECT_EQ(applied.status, 0) << applied.text;
    const auto shown = api().kubectl({"get", "lease", "applied", "-o", "jsonpath={.spec.holderIdentity}"},
                                     KubeApi::kAdmin, name_space());
    EXPECT_EQ(shown.status, 0);
    EXPECT_EQ(shown.text, "somebody");
    const auto refused = api().kubectl({"get", "leases"}, KubeApi::user(5), name_space());
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.text, HasSubstr("Forbidden"));
}

TEST_F(ServerTest, IsReachedByCertificatesAndUnderAllItsNames) {
    const std::string carol = api().kubeconfig(api().client_certificate("carol", {"people"}), name_space());
    const auto by_certificate = api().kubectl({"--kubeconfig=" + carol, "get", "leases"});
    EXPECT_THAT(by_certificate.text, HasSubstr("User \"carol\" cannot list"));
    Relay six({.listen = "::1", .server_port = api().port()});
    for (const std::string& url :
         {"https://localhost:" + std::to_string(api().port()), "https://[::1]:" + std::to_string(six.port())}) {
        const auto shown = api().kubectl(
            {"--kubeconfig=" + api().kubeconfig(KubeApi::kAdmin, name_space(), url), "get", "--raw", "/readyz"});
        EXPECT_EQ(shown.text, "ok") << url;
    }
    EXPECT_GE(six.counts().connections, 1U);
}

TEST_F(ServerTest, RestartsOnItsPortAndData) {
    const auto account = api().create_service_account(name_space(), "worker");
    for (const bool in_order : {true, false}) {
        const std::string name = in_order ? "first" : "second";
        const int port = api().port();
        const pid_t before = api().pid();
        EXPECT_EQ(create(KubeApi::kAdmin, name), 201);
        in_order ? api().stop() : api().kill();
        EXPECT_EQ(api().request("GET", "/readyz").status, 0);
        api().start();
        EXPECT_EQ(api().port(), port);
        EXPECT_NE(api().pid(), before);
        EXPECT_EQ(api().request("GET", leases() + '/' + name).status, 200);
    }
    EXPECT_EQ(get(account.user), 403);  // not 401: the token is still good
}

TEST_F(ServerTest, AnswersNothingWhilePaused) {
    api().pause();
    const auto asked = api().kubectl({"--request-timeout=500ms", "get", "--raw", "/readyz"});
    api().resume();
    EXPECT_NE(asked.status, 0) << asked.text;
    EXPECT_EQ(api().request("GET", "/readyz").status, 200);
}

TEST_F(ServerTest, AuditCountsRequests) {
    const std::string user = KubeApi::user(6);
    api().grant(name_space(), user, {{"coordination.k8s.io", "leases", {"get", "create", "watch"}}});
    const std::size_t mark = api().audit().read().size();
    EXPECT_EQ(create(user, "counted"), 201);
    for (int i = 0; i < 3; ++i) api().request("GET", leases() + "/counted", nullptr, user);
    EXPECT_EQ(get(user), 403);
    EXPECT_EQ(api().request("GET", leases() + "?watch=1&timeoutSeconds=1", nullptr, user).status, 200);
    const auto requests = matching(api().audit().since(mark), {.user = user});
    EXPECT_EQ(summary(requests), "1 create leases, 3 get leases, 1 list leases, 1 watch leases");
    EXPECT_EQ(matching(requests, {.verb = "get", .namespace_name = name_space()}).size(), 3U);
    EXPECT_EQ(matching(requests, {.namespace_name = "elsewhere"}).size(), 0U);
    ASSERT_EQ(requests.size(), 6U);
    EXPECT_EQ(requests[1].name, "counted");
    EXPECT_EQ(requests[1].group, "coordination.k8s.io");
    EXPECT_TRUE(eventually([&] {
        const auto again = matching(api().audit().since(mark), {.user = user, .verb = "list"});
        return again.size() == 1 && again.front().status == 403 && again.front().complete;
    }));
}

}  // namespace
}  // namespace leasehold::servers
