// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/kube_api.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "tests/servers/http_call.h"
#include "tests/servers/server_process.h"

namespace leasehold::servers {
namespace {

using harness::Process;
using nlohmann::json;

constexpr const char* kIssuer = "https://kubernetes.default.svc";

json object(const std::string& api_version, const std::string& kind, const std::string& name) {
    return {{"apiVersion", api_version}, {"kind", kind}, {"metadata", {{"name", name}}}};
}

}  // namespace

bool KubeApi::available() {
    for (const char* name : {"etcd", "kube-apiserver", "kubectl", "client_go_candidate"}) {
        if (access(program(name).c_str(), X_OK) != 0) return false;
    }
    return true;
}

std::string KubeApi::unavailable_message() {
    return "the programs of Kubernetes are not in " + cache_folder("kubernetes") +
           ": run tests/servers/build-kubernetes";
}

std::string KubeApi::program(const std::string& name) { return cache_folder("kubernetes") + '/' + name; }

std::string KubeApi::user(int number) { return "user-" + std::to_string(number); }

std::string KubeApi::token(const std::string& user) const {
    const auto account = account_tokens_.find(user);
    return account != account_tokens_.end() ? account->second : "token-of-" + user;
}

KubeApi::KubeApi(Options options) : options_(std::move(options)), audit_(path("audit.log")) {
    if (!available()) throw std::runtime_error(unavailable_message());
    prepare();
    start_etcd();
    start();
}

KubeApi::~KubeApi() = default;  // the server is ended before its etcd; both by SIGKILL, as nobody needs their data

void KubeApi::prepare() {
    std::string tokens = fmt::format("{0},{1},{1},system:masters\n", token(kAdmin), kAdmin);
    for (int i = 1; i <= kUsers; ++i) tokens += fmt::format("{0},{1},{1}\n", token(user(i)), user(i));
    harness::write_file(path("tokens.csv"), tokens);
    harness::write_file(path("audit-policy.yaml"), audit_policy(options_.audit_bodies));
    harness::write_file(ca_file(), authority_.pem());
    CertificateWish wish;
    wish.common_name = "server";
    for (const char* name : {"kubernetes", "kubernetes.default", "kubernetes.default.svc"}) {
        wish.names.push_back(std::string("DNS:") + name);
    }
    write_pair("server", authority_.issue(wish));
    write_pair("service-accounts", authority_.issue());  // to sign tokens with
}

void KubeApi::write_pair(const std::string& name, const KeyPair& pair) const {
    harness::write_file(path(name + ".crt"), pair.certificate_pem);
    harness::write_file(path(name + ".key"), pair.key_pem);
}

std::string KubeApi::etcd_url() const { return fmt::format("http://127.0.0.1:{}", etcd_port_.number()); }

void KubeApi::start_etcd() {
    etcd_ = start_server(
        {program("etcd"), "--name=test", "--data-dir=" + path("etcd"), "--listen-client-urls=" + etcd_url(),
         "--advertise-client-urls=" + etcd_url(), "--listen-peer-urls=http://127.0.0.1:0"},
        path("etcd.log"));
}

std::vector<std::string> KubeApi::command() const {
    std::vector<std::string> command{
        program("kube-apiserver"),
        "--etcd-servers=" + etcd_url(),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--external-hostname=localhost",
        fmt::format("--secure-port={}", port()),
        "--cert-dir=" + path("cert-dir"),
        "--tls-cert-file=" + path("server.crt"),
        "--tls-private-key-file=" + path("server.key"),
        "--client-ca-file=" + ca_file(),
        "--token-auth-file=" + path("tokens.csv"),
        "--authorization-mode=RBAC",
        "--service-account-key-file=" + path("service-accounts.crt"),
        "--service-account-signing-key-file=" + path("service-accounts.key"),
        std::string("--service-account-issuer=") + kIssuer,
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",  // it waits for a controller that is not there
        "--endpoint-reconciler-type=none",             // would write down that the server is on loopback
        "--audit-policy-file=" + path("audit-policy.yaml"),
        "--audit-log-path=" + path("audit.log"),
        "--audit-log-maxsize=0",
    };
    command.insert(command.end(), options_.flags.begin(), options_.flags.end());
    return command;
}

void KubeApi::start() {
    if (server_) return;
    server_ = start_server(command(), path("kube-apiserver.log"));
    await_ready();
}

void KubeApi::await_ready() {
    const bool ready = harness::eventually(
        [this] {
            if (!server_->running()) server_failed("kube-apiserver has ended", path("kube-apiserver.log"));
            if (!etcd_->running()) server_failed("etcd has ended", path("etcd.log"));
            if (request("GET", "/readyz").status == 200) return true;
            usleep(20'000);
            return false;
        },
        std::chrono::minutes(2));
    if (!ready) server_failed("kube-apiserver does not become ready", path("kube-apiserver.log"));
}

void KubeApi::stop(std::chrono::milliseconds grace) {
    if (!server_) return;
    server_->signal(SIGTERM);
    server_->wait(grace);
    kill();
}

void KubeApi::kill() { server_.reset(); }

void KubeApi::pause() {
    if (server_) server_->signal(SIGSTOP);
}
void KubeApi::resume() {
    if (server_) server_->signal(SIGCONT);
}
pid_t KubeApi::pid() const { return server_ ? server_->pid() : 0; }

std::string KubeApi::url() const { return fmt::format("https://127.0.0.1:{}", port()); }

KeyPair KubeApi::client_certificate(const std::string& user, const std::vector<std::string>& groups) const {
    return authority_.issue({.common_name = user, .organizations = groups});
}

std::string KubeApi::kubeconfig(const std::string& user, const std::string& namespace_name, const std::string& url) {
    return write_kubeconfig(fmt::format("token: \"{}\"", token(user)), namespace_name, url);
}

std::string KubeApi::kubeconfig(const KeyPair& user, const std::string& namespace_name, const std::string& url) {
    const std::string name = new_name("client");
    write_pair(name, user);
    return write_kubeconfig(fmt::format("client-certificate: \"{0}.crt\", client-key: \"{0}.key\"", path(name)),
                            namespace_name, url);
}

std::string KubeApi::write_kubeconfig(const std::string& credentials, const std::string& namespace_name,
                                      const std::string& url) {
    const std::string file = path(new_name("kubeconfig"));
    harness::write_file(
        file, fmt::format("apiVersion: v1\nkind: Config\ncurrent-context: test\n"
                          "clusters:\n- name: test\n  cluster: {{server: \"{}\", certificate-authority: \"{}\"}}\n"
                          "users:\n- name: test\n  user: {{{}}}\n"
                          "contexts:\n- name: test\n  context: {{cluster: test, user: test, namespace: {}}}\n",
                          url.empty() ? this->url() : url, ca_file(), credentials, namespace_name));
    return file;
}

std::string KubeApi::create_namespace() {
    const std::string name = new_name("test");
    must("POST", "/api/v1/namespaces", object("v1", "Namespace", name));
    return name;
}

KubeApi::ServiceAccount KubeApi::create_service_account(const std::string& namespace_name, const std::string& name) {
    const std::string accounts = fmt::format("/api/v1/namespaces/{}/serviceaccounts", namespace_name);
    must("POST", accounts, object("v1", "ServiceAccount", name));
    json wanted = object("authentication.k8s.io/v1", "TokenRequest", name);
    wanted["spec"] = {{"audiences", {kIssuer}}, {"expirationSeconds", 3600}};
    const json granted = must("POST", fmt::format("{}/{}/token", accounts, name), wanted);
    ServiceAccount account{.user = fmt::format("system:serviceaccount:{}:{}", namespace_name, name),
                           .token = granted.at("status").at("token").get<std::string>(),
                           .folder = path(new_name("serviceaccount"))};
    account_tokens_[account.user] = account.token;
    std::filesystem::create_directory(account.folder);
    harness::write_file(account.folder + "/token", account.token);
    harness::write_file(account.folder + "/ca.crt", ca_text());
    harness::write_file(account.folder + "/namespace", namespace_name);
    return account;
}

std::vector<std::string> KubeApi::in_cluster_environment(std::optional<int> port) const {
    return {"KUBERNETES_SERVICE_HOST=127.0.0.1",
            fmt::format("KUBERNETES_SERVICE_PORT={}", port.value_or(this->port()))};
}

void KubeApi::grant(const std::string& namespace_name, const std::string& user, const std::vector<Rule>& rules) {
    constexpr const char* kVersion = "rbac.authorization.k8s.io/v1";
    constexpr const char* kGroup = "rbac.authorization.k8s.io";
    const std::string name = new_name("grant");
    const std::string path = fmt::format("/apis/{}/namespaces/{}", kVersion, namespace_name);
    json role = object(kVersion, "Role", name);
    role["rules"] = json::array();
    for (const Rule& rule : rules) {
        json entry{{"apiGroups", {rule.api_group}}, {"resources", {rule.resource}}, {"verbs", rule.verbs}};
        if (!rule.names.empty()) entry["resourceNames"] = rule.names;
        role["rules"].push_back(std::move(entry));
    }
    json binding = object(kVersion, "RoleBinding", name);
    binding["roleRef"] = {{"apiGroup", kGroup}, {"kind", "Role"}, {"name", name}};
    binding["subjects"] = json::array({{{"apiGroup", kGroup}, {"kind", "User"}, {"name", user}}});
    must("POST", path + "/roles", role);
    must("POST", path + "/rolebindings", binding);
    // The server hears of its own objects a little later.
    if (!harness::eventually([&] { return allowed(namespace_name, user, rules.back()); })) {
        server_failed("what was granted does not come into force", this->path("kube-apiserver.log"));
    }
}

bool KubeApi::allowed(const std::string& namespace_name, const std::string& user, const Rule& rule) {
    const auto slash = rule.resource.find('/');
    json attributes{{"namespace", namespace_name},
                    {"group", rule.api_group},
                    {"resource", rule.resource.substr(0, slash)},
                    {"verb", rule.verbs.front()}};
    if (slash != std::string::npos) attributes["subresource"] = rule.resource.substr(slash + 1);
    if (!rule.names.empty()) attributes["name"] = rule.names.front();
    const json review{{"apiVersion", "authorization.k8s.io/v1"},
                      {"kind", "SubjectAccessReview"},
                      {"spec", {{"user", user}, {"resourceAttributes", attributes}}}};
    const json answer = must("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review);
    return answer.at("status").at("allowed").get<bool>();
}

KubeApi::Answer KubeApi::request(const std::string& method, const std::string& path, const json& body,
                                 const std::string& user) {
    const std::string type = method == "PATCH" ? "application/merge-patch+json" : "application/json";
    const HttpReply reply = http_call({.method = method,
                                       .url = url() + path,
                                       .body = body.is_null() ? "" : body.dump(),
                                       .headers = {"Authorization: Bearer " + token(user), "Content-Type: " + type},
                                       .ca_file = ca_file()});
    return {.status = reply.status, .body = reply.body};
}

json KubeApi::must(const std::string& method, const std::string& path, const json& body) {
    const Answer answer = request(method, path, body);
    if (answer.status / 100 != 2) {
        server_failed(fmt::format("{} {} was answered {}: {}", method, path, answer.status, answer.body),
                      this->path("kube-apiserver.log"));
    }
    return answer.json();
}

KubeApi::Output KubeApi::kubectl(const std::vector<std::string>& arguments, const std::string& user,
                                 const std::string& namespace_name) {
    const std::string output = path(new_name("kubectl"));
    std::vector<std::string> command{program("kubectl"), "--kubeconfig=" + kubeconfig(user, namespace_name),
                                     "--cache-dir=" + path("kubectl-cache")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Process process({.arguments = command, .output = output, .environment = {"HOME=" + folder_.path()}});
    const std::optional<int> status = process.wait();
    return {.status = status.value_or(-1), .text = harness::read_file(output)};
}

KubeApi::Output KubeApi::apply(const std::string& manifest, const std::string& namespace_name,
                               const std::string& user) {
    const std::string file = path(new_name("manifest"));
    harness::write_file(file, manifest);
    return kubectl({"apply", "--filename=" + file}, user, namespace_name);
}

}  // namespace leasehold::servers
