// SPDX-License-Identifier: Apache-2.0
//
// leasehold in the place of leader-elector 0.4 and 0.5: called with its flags, on the Endpoints lock of a real API
// server, asked by a client of the old kind, beside a candidate with client-go's election.
#include <csignal>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/candidate.h"
#include "tests/harness/http_get.h"
#include "tests/servers/client_go_candidate.h"
#include "tests/servers/kube_api_fixture.h"
#include "tests/servers/loopback.h"

namespace leasehold::servers {
namespace {

using harness::eventually;
using harness::Process;
using testing::HasSubstr;

class DropIn : public KubeApiTest {
protected:
    // With the rights that the shipped Role gives, and no others.
    void SetUp() override {
        KubeApiTest::SetUp();
        if (IsSkipped()) return;
        user_ = api().create_service_account(name_space(), "billing").user;
        const std::string folder = LEASEHOLD_SOURCE_FOLDER "/deploy/kubernetes/overlays/leader-elector";
        const auto built = api().kubectl({"kustomize", folder});
        ASSERT_EQ(built.status, 0) << built.text;
        const auto applied = api().apply(built.text, name_space());
        ASSERT_EQ(applied.status, 0) << applied.text;
        ASSERT_TRUE(eventually([&] {
            return api().kubectl({"auth", "can-i", "watch", "endpoints/billing-lock"}, user_, name_space()).status == 0;
        }));
    }

    void TearDown() override {
        if (user_.empty()) return;
        for (const AuditedRequest& request : matching(api().audit().read(), {.user = user_})) {
            EXPECT_NE(request.status, 403) << request.verb << ' ' << request.uri;
        }
    }

    struct Elector {
        std::string id;
        int port;
        std::unique_ptr<ReservedPort> reserved;
        std::unique_ptr<Process> process;
    };

    Elector start(const std::string& id) {
        Elector elector{id, 0, std::make_unique<ReservedPort>(), nullptr};
        elector.port = elector.reserved->number();
        const std::string address = "127.0.0.1:" + std::to_string(elector.port);
        elector.process = std::make_unique<Process>(
            Process::Options{.arguments = {harness::leasehold_program(), "--election=billing-lock",
                                           "--election-namespace=" + name_space(), "--id=" + id, "--http=" + address,
                                           "--ttl=4s", "--v=4", "--logtostderr"},
                             .output = folder_.path(id + ".log"),
                             .environment = {"KUBECONFIG=" + api().kubeconfig(user_, name_space())}});
        return elector;
    }

    std::string log_of(const Elector& elector) const { return harness::read_file(folder_.path(elector.id + ".log")); }

    std::string named_by(const Elector& elector) {
        const auto body = nlohmann::json::parse(harness::http_get(elector.port, "/").body, nullptr, false);
        return body.is_object() ? body.value("name", "?") : "";
    }

    std::string holder() {
        const auto object = api().must("GET", "/api/v1/namespaces/" + name_space() + "/endpoints/billing-lock");
        const std::string text = object["metadata"]["annotations"]["control-plane.alpha.kubernetes.io/leader"];
        return nlohmann::json::parse(text)["holderIdentity"];
    }

    std::unique_ptr<Process> client_beside(const Elector& elector) {
        return std::make_unique<Process>(
            Process::Options{.arguments = {"node", LEASEHOLD_SOURCE_FOLDER "/tests/e2e/leader_elector_client.js",
                                           std::to_string(elector.port), elector.id, "20"},
                             .output = folder_.path("client-" + elector.id),
                             .environment = {}});
    }
    bool client_says(const Elector& elector, const std::string& text) {
        return eventually(
            [&] { return harness::read_file(folder_.path("client-" + elector.id)).ends_with(text + '\n'); });
    }

    harness::TempFolder folder_;
    std::string user_;
};

TEST_F(DropIn, HoldsTheEndpointsLockAndAnswersItsClients) {
    Elector first = start("first");
    ASSERT_TRUE(eventually([&] { return named_by(first) == "first"; })) << log_of(first);
    EXPECT_THAT(log_of(first), HasSubstr("ignored: --v=4, --logtostderr"));
    const auto object = api().must("GET", "/api/v1/namespaces/" + name_space() + "/endpoints/billing-lock");
    const std::string record = object["metadata"]["annotations"]["control-plane.alpha.kubernetes.io/leader"];
    EXPECT_THAT(record, testing::StartsWith(R"({"holderIdentity":"first","leaseDurationSeconds":4,"acquireTime":")"));

    Elector second = start("second");
    ASSERT_TRUE(eventually([&] { return named_by(second) == "first"; })) << log_of(second);
    const auto beside_first = client_beside(first);
    const auto beside_second = client_beside(second);
    EXPECT_TRUE(client_says(first, "I am the master"));
    EXPECT_TRUE(client_says(second, "the master is first"));

    first.process->signal(SIGTERM);
    EXPECT_EQ(first.process->wait(), 0) << log_of(first);
    EXPECT_TRUE(client_says(second, "I am the master")) << log_of(second);
    second.process->signal(SIGTERM);
    EXPECT_EQ(second.process->wait(), 0) << log_of(second);
}

TEST_F(DropIn, SharesTheLockWithClientGo) {
    Elector ours = start("ours");
    ASSERT_TRUE(eventually([&] { return named_by(ours) == "ours"; })) << log_of(ours);
    ClientGoCandidate theirs({.folder = folder_.path(),
                              .identity = "theirs",
                              .kubeconfig = api().kubeconfig(KubeApi::kAdmin, name_space()),
                              .namespace_name = name_space(),
                              .name = "billing-lock",
                              .lock = "endpoints"});
    ASSERT_TRUE(eventually([&] { return theirs.log().find("attempting to acquire") != std::string::npos; }));
    ours.process->signal(SIGTERM);
    EXPECT_EQ(ours.process->wait(), 0) << log_of(ours);
    ASSERT_TRUE(eventually([&] { return holder() == "theirs"; })) << theirs.log();
    Elector last = start("last");
    EXPECT_TRUE(eventually([&] { return named_by(last) == "theirs"; })) << log_of(last) << theirs.log();
    theirs.process().signal(SIGTERM);
    EXPECT_EQ(theirs.process().wait(), 0) << theirs.log();
    EXPECT_TRUE(eventually([&] { return named_by(last) == "last"; })) << log_of(last);
    last.process->signal(SIGTERM);
    EXPECT_EQ(last.process->wait(), 0) << log_of(last);
}

TEST_F(DropIn, RefusesWhatTheClusterWouldRefuse) {
    for (const char* flag : {"--election=Not_A_Name", "--ttl=1500ms"}) {
        Process process({.arguments = {harness::leasehold_program(), "--election=example", flag},
                         .output = folder_.path("out"),
                         .environment = {}});
        EXPECT_EQ(process.wait(), 2) << flag;
        EXPECT_THAT(harness::read_file(folder_.path("out")), HasSubstr(std::string(flag).substr(0, 6)));
    }
}

}  // namespace
}  // namespace leasehold::servers
