// SPDX-License-Identifier: Apache-2.0
//
// Credentials and addresses that are wrong, or become wrong while a candidate runs.
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/kubeapi/leasehold_fixture.h"
#include "tests/kubeapi/private_mounts.h"
#include "tests/servers/relay.h"
#include "tests/servers/scripted_server.h"

namespace leasehold::servers {
namespace {

namespace fs = std::filesystem;
using harness::Candidate;
using harness::eventually;
using harness::TestTiming;
using testing::HasSubstr;
using testing::Not;

// A folder as kubelet mounts it: the files lead through a link that it replaces in one step.
class ProjectedFolder {
public:
    ProjectedFolder(std::string path, const std::string& name_space) : path_(std::move(path)), namespace_(name_space) {}

    void put(const std::string& token, const std::string& ca) {
        const std::string version = "..version-" + std::to_string(++versions_);
        fs::create_directories(path_ + '/' + version);
        for (const auto& [name, text] :
             {std::pair<std::string, std::string>("token", token), {"ca.crt", ca}, {"namespace", namespace_}}) {
            harness::write_file(path_ + '/' + version + '/' + name, text);
            if (versions_ == 1) fs::create_symlink("..data/" + name, path_ + '/' + name);
        }
        fs::create_symlink(version, path_ + "/..new");
        fs::rename(path_ + "/..new", path_ + "/..data");
        if (versions_ > 1) fs::remove_all(path_ + "/..version-" + std::to_string(versions_ - 1));
    }
    const std::string& path() const { return path_; }

private:
    std::string path_;
    std::string namespace_;
    int versions_ = 0;
};

class InClusterTest : public LeaseholdTest {
protected:
    void SetUp() override {
        LeaseholdTest::SetUp();
        if (IsSkipped()) return;
        if (!may_have_private_mounts()) GTEST_SKIP() << "needs root, to give a candidate a service account";
        account_ = api().create_service_account(name_space(), "billing");
        grant_role(account_.user);
        make_unused_lease();
        folder_in_pod_ = std::make_unique<ProjectedFolder>(folder_.path("account"), name_space());
        folder_in_pod_->put(account_.token, api().ca_text());
    }

    // It leads when this returns.
    void start_in_pod(const TestTiming& timing = {"6s", "4s", "300ms", ""}) {
        auto environment = api().in_cluster_environment();
        for (const char* variable : {"KUBECONFIG=", "POD_NAME="}) environment.emplace_back(variable);
        const std::string mounted = "/run/secrets/kubernetes.io/serviceaccount";
        start("a", {.timing = timing,
                    .launcher = with_private_mounts(fmt::format("mount -t tmpfs tmpfs /run; mkdir -p {0}; "
                                                                "mount --bind '{1}' {0}",
                                                                mounted, folder_in_pod_->path())),
                    .store = "kubernetes: {role_label: none}",
                    .environment = environment});
        next_run(0);
    }

    std::string another_token() {
        const std::string path = fmt::format("/api/v1/namespaces/{}/serviceaccounts/billing/token", name_space());
        return api()
            .must("POST", path, {{"spec", {{"expirationSeconds", 7200}}}})["status"]["token"]
            .get<std::string>();
    }

    Candidate& leader() { return *candidates_.front(); }
    void put(const std::string& token, const std::string& ca) { folder_in_pod_->put(token, ca); }
    bool fails_once_more() {
        const double before = failed_renewals(leader());
        return eventually([&] { return failed_renewals(leader()) > before; });
    }

    KubeApi::ServiceAccount account_;
    std::unique_ptr<ProjectedFolder> folder_in_pod_;
    const std::string refused_ = "does not accept the credentials (HTTP 401)";
};

TEST_F(InClusterTest, ATokenThatIsRotatedIsTaken) {
    start_in_pod();
    put(another_token(), api().ca_text());
    EXPECT_TRUE(renewals(3));
    EXPECT_EQ(failed_renewals(leader()), 0) << leader().log();
    put("no-token-of-this-cluster", api().ca_text());
    EXPECT_TRUE(fails_once_more());
    EXPECT_THAT(leader().log(), HasSubstr(refused_));
    put(another_token(), api().ca_text());
    EXPECT_TRUE(renewals(3));
    put("", api().ca_text());  // half-written: the last good one stays in force
    EXPECT_TRUE(renewals(3));
    EXPECT_EQ(board_->runs().size(), 1U);
    EXPECT_EQ(lease()["spec"]["leaseTransitions"], 1);
}

TEST_F(InClusterTest, ACaThatIsReplacedIsTaken) {
    start_in_pod();
    const std::string other_ca = Authority("another cluster").pem();
    put(account_.token, other_ca + api().ca_text());
    EXPECT_TRUE(renewals(3));
    EXPECT_EQ(failed_renewals(leader()), 0) << leader().log();
    put(account_.token, other_ca);
    EXPECT_TRUE(fails_once_more());
    EXPECT_THAT(leader().log(), HasSubstr("is not signed by the given CA"));
    put(account_.token, api().ca_text());
    EXPECT_TRUE(renewals(3));
    EXPECT_EQ(board_->runs().size(), 1U);
}

TEST_F(InClusterTest, ATokenThatStaysInvalidEndsTheWorkloadInOrder) {
    start_in_pod({"3s", "2s", "300ms", ""});
    put("no-token-of-this-cluster", api().ca_text());
    EXPECT_TRUE(logs(leader(), "workload ended with status 0"));
    EXPECT_TRUE(logs(leader(), "could not renew the lease before the renew deadline"));
    EXPECT_THAT(leader().log(), HasSubstr(refused_));
    EXPECT_TRUE(logs(leader(), "standby: cannot read the record"));
    const std::size_t before = board_->runs().size();
    put(another_token(), api().ca_text());
    next_run(before);
}

// One candidate for each way in which its access to the cluster does not work, all at once.
class AccessTroubleTest : public LeaseholdTest {
protected:
    struct Trouble {
        std::string name;
        std::string kubeconfig;
        std::vector<std::string> says;
        std::function<void()> mend;
    };

    std::string file(const std::string& name, const std::string& text) {
        harness::write_file(folder_.path(name), text);
        return folder_.path(name);
    }

    std::string kubeconfig(const std::string& name, const std::string& user, const std::string& cluster) {
        return file(
            name + ".kubeconfig",
            fmt::format("current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u, namespace: "
                        "{}}}}}]\nclusters: [{{name: c, cluster: {{{}}}}}]\nusers: [{{name: u, user: {{{}}}}}]\n",
                        name_space(), cluster, user));
    }
    std::string at(const std::string& url) const { return "server: '" + url + '\''; }
    std::string right_cluster() { return at(api().url()) + ", certificate-authority: " + api().ca_file(); }
    std::string right_user() { return "token: " + api().token(KubeApi::kAdmin); }

    // A relay whose server can be exchanged behind its address.
    std::string url_of_relay_to(int port) {
        relays_.push_back(std::make_unique<Relay>(Relay::Options{.server_port = port}));
        return fmt::format("https://127.0.0.1:{}", relays_.back()->port());
    }
    std::function<void()> lead_to_api(std::size_t relay) {
        return [this, relay] {
            const int port = relays_[relay]->port();
            relays_[relay].reset();
            relays_[relay] = std::make_unique<Relay>(Relay::Options{.port = port, .server_port = api().port()});
        };
    }

    std::string plugin(const std::string& name, const std::string& script) {
        const std::string path = file(name, "#!/bin/sh\n" + script);
        fs::permissions(path, fs::perms::owner_all);
        return "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: " + path + '}';
    }
    std::string credential() {
        return "{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": "
               "{\"token\": \"" +
               api().token(KubeApi::kAdmin) + "\"}}";
    }

    Trouble wrong_ca();
    Trouble nobody_listens();
    Trouble no_tls(ScriptedServer& plain);
    Trouble login_page(ScriptedServer& proxy);
    Trouble wrong_token();
    Trouble failing_plugin();
    Trouble mumbling_plugin();
    Trouble foreign_certificate();

    std::vector<std::unique_ptr<Relay>> relays_;
};

AccessTroubleTest::Trouble AccessTroubleTest::wrong_ca() {
    const std::string ca = file("their.crt", Authority("another cluster").pem());
    return {"wrong-ca",
            kubeconfig("wrong-ca", right_user(), at(api().url()) + ", certificate-authority: " + ca),
            {"is not signed by the given CA", "certificate-authority of the kubeconfig"},
            [this] { file("their.crt", api().ca_text()); }};
}

AccessTroubleTest::Trouble AccessTroubleTest::nobody_listens() {
    const std::string url = url_of_relay_to(api().port());
    Relay& relay = *relays_.back();
    relay.set(Relay::Mode::refuse);
    return {"nobody-listens",
            kubeconfig("nobody-listens", right_user(), at(url) + ", certificate-authority: " + api().ca_file()),
            {"was refused: is the server running there?"},
            [&relay] { relay.set(Relay::Mode::pass); }};
}

AccessTroubleTest::Trouble AccessTroubleTest::no_tls(ScriptedServer& plain) {
    const std::string url = url_of_relay_to(plain.port());
    return {"no-tls",
            kubeconfig("no-tls", right_user(), at(url) + ", certificate-authority: " + api().ca_file()),
            {"does not speak TLS"},
            lead_to_api(relays_.size() - 1)};
}

AccessTroubleTest::Trouble AccessTroubleTest::login_page(ScriptedServer& proxy) {
    proxy.handle([turn = 0](const Request&) mutable {
        return Reply::html(++turn % 2 == 0 ? 200 : 403, "<html><h1>Please sign in</h1></html>");
    });
    const std::string url = url_of_relay_to(proxy.port());
    return {"login-page",
            kubeconfig("login-page", right_user(), at(url) + ", insecure-skip-tls-verify: true"),
            {"the server's certificate is not verified", "something else than an API server answered", "Please sign in",
             "answered with what is no such object: its body is no JSON"},
            lead_to_api(relays_.size() - 1)};
}

AccessTroubleTest::Trouble AccessTroubleTest::wrong_token() {
    const std::string token = file("token", "of-another-cluster");
    return {"wrong-token",
            kubeconfig("wrong-token", "tokenFile: " + token, right_cluster()),
            {"does not accept the credentials (HTTP 401): check the token"},
            [this] { file("token", api().token(KubeApi::kAdmin)); }};
}

AccessTroubleTest::Trouble AccessTroubleTest::failing_plugin() {
    const std::string logged_in = folder_.path("logged-in");
    const std::string script =
        fmt::format("[ -e '{}' ] || {{ echo 'please log in' >&2; exit 3; }}\necho '{}'\n", logged_in, credential());
    return {"failing-plugin",
            kubeconfig("failing-plugin", plugin("log-in", script), right_cluster()),
            {"failed with exit status 3: please log in"},
            [this] { file("logged-in", ""); }};
}

AccessTroubleTest::Trouble AccessTroubleTest::mumbling_plugin() {
    const std::string answer = file("answer", "You are welcome.");
    return {"mumbling-plugin",
            kubeconfig("mumbling-plugin", plugin("mumble", "cat '" + answer + "'\n"), right_cluster()),
            {"not the JSON of an ExecCredential"},
            [this] { file("answer", credential()); }};
}

AccessTroubleTest::Trouble AccessTroubleTest::foreign_certificate() {
    const KeyPair theirs =
        Authority("another cluster").issue({.common_name = "ann", .organizations = {"system:masters"}});
    const std::string certificate = file("client.crt", theirs.certificate_pem);
    const std::string key = file("client.key", theirs.key_pem);
    const std::string user = fmt::format("client-certificate: {}, client-key: {}", certificate, key);
    return {"foreign-certificate",
            kubeconfig("foreign-certificate", user, right_cluster()),
            {"does not accept the credentials (HTTP 401)"},
            [this] {
                const KeyPair ours = api().client_certificate("ann", {"system:masters"});
                file("client.crt", ours.certificate_pem);
                file("client.key", ours.key_pem);
            }};
}

TEST_F(AccessTroubleTest, IsSaidAndRecoveredFromOnceItIsMended) {
    make_unused_lease();
    ScriptedServer plain;
    ScriptedServer proxy({.tls = TlsOptions{Authority().issue(), "", false}});
    const std::vector<Trouble> troubles{wrong_ca(),    nobody_listens(), no_tls(plain),     login_page(proxy),
                                        wrong_token(), failing_plugin(), mumbling_plugin(), foreign_certificate()};
    for (const Trouble& trouble : troubles) {
        start(trouble.name, {.timing = {"3s", "2s", "300ms", ""}, .store = store_with(trouble.kubeconfig)});
    }
    for (const Trouble& trouble : troubles) {
        SCOPED_TRACE(trouble.name);
        auto& candidate = candidate_named(trouble.name);
        EXPECT_TRUE(logs(candidate, "standby: cannot read the record"));
        for (const std::string& text : trouble.says) EXPECT_TRUE(logs(candidate, text)) << text;
        EXPECT_THAT(candidate.log(), Not(HasSubstr(api().token(KubeApi::kAdmin))));
    }
    EXPECT_TRUE(board_->runs().empty());
    for (const Trouble& trouble : troubles) {
        ASSERT_TRUE(candidate_named(trouble.name).process().running()) << trouble.name;
        trouble.mend();
    }
    for (const Trouble& trouble : troubles) {
        const auto& candidate = candidate_named(trouble.name);
        EXPECT_TRUE(eventually([&] {
            const std::string log = candidate.log();
            return log.find("holds the lease") != std::string::npos ||
                   log.find("acquired the lease") != std::string::npos;
        })) << trouble.name;
    }
    next_run(0);
}

// What cannot be mended while it runs, because it would lead to another server.
TEST_F(AccessTroubleTest, PlainHttpToAServerWithTlsSaysWhatToWrite) {
    const std::string url = fmt::format("http://127.0.0.1:{}", api().port());
    auto& candidate = start("a", {.store = store_with(kubeconfig("plain", right_user(), at(url)))});
    EXPECT_TRUE(logs(candidate, "its URL must begin with https://"));
    EXPECT_THAT(candidate.log(), HasSubstr("is not encrypted, and no credentials are sent over it"));
    EXPECT_TRUE(candidate.process().running());
}

}  // namespace
}  // namespace leasehold::servers
