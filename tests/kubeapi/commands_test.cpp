// SPDX-License-Identifier: Apache-2.0
//
// `leasehold init` and `leasehold check --probe` against the real API server.
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/kubeapi/leasehold_fixture.h"
#include "tests/servers/certificates.h"
#include "tests/servers/relay.h"

namespace leasehold::servers {
namespace {

using harness::eventually;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class CommandsTest : public LeaseholdTest {
protected:
    KubeApi::Output leasehold(const std::vector<std::string>& command, const std::string& store) {
        const std::string config = folder_.path("config.yaml");
        harness::write_file(config, fmt::format("election:\n  name: test\n  lease_duration: 2s\n  renew_deadline: 1s\n"
                                                "  retry_period: 200ms\n  store: {{{}}}\n{}",
                                                store, more_));
        const std::string output = folder_.path("output" + std::to_string(++calls_));
        std::vector<std::string> arguments{harness::leasehold_program()};
        arguments.insert(arguments.end(), command.begin(), command.end());
        for (const std::string& argument : {std::string("--config"), config}) arguments.push_back(argument);
        harness::Process process({.arguments = arguments, .output = output, .environment = {}});
        return {process.wait().value_or(-1), harness::read_file(output)};
    }
    KubeApi::Output init(const std::string& store) { return leasehold({"init"}, store); }
    KubeApi::Output probe(const std::string& store) { return leasehold({"check", "--probe"}, store); }

    std::string as(const std::string& user, const std::string& url = {}) {
        return store_with(api().kubeconfig(user, name_space(), url));
    }

    std::string more_;  // further YAML of the configuration
    int calls_ = 0;
};

TEST_F(CommandsTest, InitMakesTheRecordOnceAndTheFirstStartDoesNotWait) {
    const std::string admin = api().kubeconfig(KubeApi::kAdmin, name_space());
    for (const std::string lock : {"lease", "endpoints", "configmap"}) {
        SCOPED_TRACE(lock);
        const std::string store = store_with(admin, "lock: " + lock);
        const auto first = init(store);
        EXPECT_EQ(first.status, 0) << first.text;
        EXPECT_THAT(first.text, AllOf(HasSubstr("made "), HasSubstr(name_space() + "/test"), HasSubstr("released")));
        const auto second = init(store);
        EXPECT_EQ(second.status, 0);
        EXPECT_THAT(second.text, HasSubstr("is there already; left as it is"));
        EXPECT_THAT(probe(store).text, HasSubstr("The lock: it is free"));
        const std::size_t before = board_->runs().size();
        auto& candidate = start(lock, {.timing = {"30s", "20s", "1s", ""}, .store = store});
        next_run(before);
        EXPECT_THAT(candidate.log(), Not(HasSubstr("there is no record of a holder")));
        EXPECT_THAT(probe(store).text, HasSubstr("it is held by " + lock + ", for 30s"));
        candidate.process().signal(SIGTERM);
        EXPECT_EQ(candidate.process().wait(), 0);
    }
}

TEST_F(CommandsTest, InitLeavesWhatIsThereAsItIs) {
    const std::string path = kLeases + name_space() + "/leases";
    const auto made = api().must("POST", path, {{"metadata", {{"name", "test"}}}, {"spec", {{"holderIdentity", "x"}}}});
    const auto done = init(as(KubeApi::kAdmin));
    EXPECT_EQ(done.status, 0) << done.text;
    EXPECT_EQ(lease()["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    const auto refused = init(as(api().create_service_account(name_space(), "nobody").user));
    EXPECT_EQ(refused.status, 125);
    EXPECT_THAT(refused.text, AllOf(HasSubstr("cannot get"), HasSubstr(name_space() + ":nobody")));
}

TEST_F(CommandsTest, TheProbeAllowsAnAdministratorAndTheShippedRole) {
    const auto account = api().create_service_account(name_space(), "billing");
    grant_role(account.user);
    for (const std::string& user : {std::string(KubeApi::kAdmin), account.user}) {
        const auto output = probe(as(user));
        EXPECT_EQ(output.status, 0) << output.text;
        EXPECT_THAT(output.text, AllOf(HasSubstr("allowed"), Not(HasSubstr("NOT ALLOWED")), HasSubstr("leases/test"),
                                       HasSubstr("it does not exist yet")));
    }
    // It only asks.
    EXPECT_EQ(api().request("GET", kLeases + name_space() + "/leases/test").status, 404);
}

TEST_F(CommandsTest, TheProbePrintsTheRoleThatIsMissing) {
    const auto account = api().create_service_account(name_space(), "billing");
    const std::string store = as(account.user);
    const auto refused = probe(store);
    EXPECT_EQ(refused.status, 125);
    EXPECT_THAT(refused.text, AllOf(HasSubstr("NOT ALLOWED"), Not(HasSubstr(" allowed\n")), HasSubstr("kind: Role\n")));
    const auto role = refused.text.find("apiVersion: ");
    ASSERT_NE(role, std::string::npos) << refused.text;
    const auto applied = api().apply(refused.text.substr(role), name_space());
    ASSERT_EQ(applied.status, 0) << applied.text << refused.text;
    KubeApi::Output allowed;
    EXPECT_TRUE(eventually([&] { return (allowed = probe(store)).status == 0; })) << allowed.text;
    // It is the Role that a run needs, to the last right.
    EXPECT_EQ(init(store).status, 0);
    const std::size_t mark = api().audit().read().size();
    start("a", {.store = store});
    next_run(0);
    EXPECT_TRUE(renewals(3));
    for (const AuditedRequest& request : matching(api().audit().since(mark), {.user = account.user})) {
        EXPECT_NE(request.status, 403) << request.verb << ' ' << request.uri;
    }
}

TEST_F(CommandsTest, TheProbeAsksTheServerWhereTheCommandIsNot) {
    const auto sidecar = probe(as(KubeApi::kAdmin));
    EXPECT_EQ(sidecar.status, 0) << sidecar.text;
    EXPECT_THAT(sidecar.text, Not(HasSubstr("planned stop")));
    more_ = "workload: {command: [/nowhere/billingd]}\n";
    const auto good = probe(as(KubeApi::kAdmin));
    EXPECT_EQ(good.status, 127) << good.text;
    EXPECT_THAT(good.text, AllOf(HasSubstr("/nowhere/billingd"), HasSubstr("allowed"), HasSubstr("The lock: "),
                                 HasSubstr("Containment: "), HasSubstr("planned stop")));
    const auto refused = probe(as(api().create_service_account(name_space(), "nobody").user));
    EXPECT_EQ(refused.status, 127);
    EXPECT_THAT(refused.text, AllOf(HasSubstr("/nowhere/billingd"), HasSubstr("NOT ALLOWED")));
}

// One right too few is enough to hear from the server who asks; no answer to a review says it.
TEST_F(CommandsTest, TheProbeNamesTheUserAndBindsTheRoleWhicheverRightIsMissing) {
    using Rules = std::vector<KubeApi::Rule>;
    const std::string group = "coordination.k8s.io";
    const Rules named{{group, "leases", {"create"}},
                      {group, "leases", {"get", "update"}, {"test"}},
                      {"", "events", {"create"}},
                      {"", "pods", {"patch"}}};
    Rules no_create = named;
    no_create[0].verbs = {"watch"};
    int number = 0;
    for (const Rules& rules : {named, no_create}) {
        const auto account = api().create_service_account(name_space(), "account-" + std::to_string(++number));
        api().grant(name_space(), account.user, rules);
        const auto output = probe(as(account.user));
        EXPECT_EQ(output.status, 125);
        EXPECT_THAT(output.text, AllOf(HasSubstr("user " + account.user + "."), HasSubstr("kind: RoleBinding"),
                                       Not(HasSubstr("add these rules")), HasSubstr("it does not exist yet")));
    }
    const auto person = probe(as(KubeApi::user(1)));
    EXPECT_THAT(person.text, AllOf(HasSubstr("user " + KubeApi::user(1) + "."), Not(HasSubstr("kind: RoleBinding")),
                                   HasSubstr("add these rules to the Role that is bound already, or bind this one")));
}

TEST_F(CommandsTest, TheProbeSaysWhyItCannotAsk) {
    Relay relay({.server_port = api().port()});
    relay.set(Relay::Mode::refuse);
    const auto down = probe(as(KubeApi::kAdmin, fmt::format("https://127.0.0.1:{}", relay.port())));
    EXPECT_EQ(down.status, 125);
    EXPECT_THAT(down.text, HasSubstr("is the server running there?"));

    const auto invalid = probe(as("a-user-that-is-not-there"));
    EXPECT_EQ(invalid.status, 125);
    EXPECT_THAT(invalid.text, HasSubstr("does not accept the credentials (HTTP 401)"));

    const std::string file = api().kubeconfig(KubeApi::kAdmin, name_space());
    std::string text = harness::read_file(file);
    harness::write_file(folder_.path("their.crt"), Authority("another cluster").pem());
    text.replace(text.find(api().ca_file()), api().ca_file().size(), folder_.path("their.crt"));
    harness::write_file(folder_.path("kubeconfig"), text);
    const auto foreign = probe(store_with(folder_.path("kubeconfig")));
    EXPECT_EQ(foreign.status, 125);
    EXPECT_THAT(foreign.text, HasSubstr("is not signed by the given CA"));
    for (const auto& output : {down, invalid, foreign}) EXPECT_THAT(output.text, Not(HasSubstr("ALLOWED")));
}

}  // namespace
}  // namespace leasehold::servers
