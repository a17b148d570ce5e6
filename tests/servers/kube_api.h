// SPDX-License-Identifier: Apache-2.0
//
// A real Kubernetes API server, with its etcd, for tests: kube-apiserver as tests/servers/build-kubernetes made it, on
// loopback, with RBAC, its data in a temporary folder. It takes some seconds to start, so that a test program starts
// one for all its tests (kube_api_fixture.h), and each test works in a namespace of its own.
//
// Threads: for the thread that made it; both servers die with that thread, should it not get to end them. Functions
// block until what they do is done. What cannot be done is thrown as std::runtime_error with the end of the server's
// log, which gtest reports as a failure of the test.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/harness/candidate.h"
#include "tests/servers/audit_log.h"
#include "tests/servers/certificates.h"
#include "tests/servers/loopback.h"

namespace leasehold::servers {

class KubeApi {
public:
    struct Options {
        bool audit_bodies = false;       // the audit log has the bodies of requests and answers too
        std::vector<std::string> flags;  // more for kube-apiserver
    };

    // Whether the programs are there; if not, the message says how to get them.
    static bool available();
    static std::string unavailable_message();
    static std::string program(
        const std::string& name);  // the path of kubectl, kube-scheduler, client_go_candidate, ...

    explicit KubeApi(Options options);
    ~KubeApi();
    KubeApi(const KubeApi&) = delete;
    KubeApi& operator=(const KubeApi&) = delete;

    // How to reach it. Its certificate is for 127.0.0.1, ::1, localhost and kubernetes.default.svc.
    int port() const { return port_.number(); }
    std::string url() const;  // https://127.0.0.1:<port>
    std::string ca_file() const { return path("ca.crt"); }
    const std::string& ca_text() const { return authority_.pem(); }
    std::string etcd_url() const;

    // Users. kAdmin may do everything; user(n) for n from 1 to kUsers, and service accounts, may do nothing until it is
    // granted.
    static constexpr const char* kAdmin = "admin";
    static constexpr int kUsers = 20;
    static std::string user(int number);
    std::string token(const std::string& user) const;
    // For any name that has no token.
    KeyPair client_certificate(const std::string& user, const std::vector<std::string>& groups = {}) const;

    // The path of a new kubeconfig. `url`: what to use instead of url(), such as a relay's.
    std::string kubeconfig(const std::string& user, const std::string& namespace_name, const std::string& url = {});
    std::string kubeconfig(const KeyPair& user, const std::string& namespace_name, const std::string& url = {});

    // A new namespace with a name of its own.
    std::string create_namespace();

    // A real service account, and a folder with token, ca.crt and namespace as a pod would see it.
    struct ServiceAccount {
        std::string user;  // system:serviceaccount:<namespace>:<name>
        std::string token;
        std::string folder;
    };
    ServiceAccount create_service_account(const std::string& namespace_name, const std::string& name);
    // KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT; `port`: a relay's.
    std::vector<std::string> in_cluster_environment(std::optional<int> port = {}) const;

    // What a user may do in a namespace, beside what it may already. In force when this returns.
    struct Rule {
        std::string api_group;
        std::string resource;  // or resource/subresource
        std::vector<std::string> verbs;
        std::vector<std::string> names = {};  // empty: all
    };
    void grant(const std::string& namespace_name, const std::string& user, const std::vector<Rule>& rules);

    // One request, past everything that is tested.
    struct Answer {
        int status = 0;    // of HTTP; 0: there was no answer
        std::string body;  // or why there was none
        nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
    };
    Answer request(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr,
                   const std::string& user = kAdmin);
    // The same where anything but success is thrown.
    nlohmann::json must(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);

    // kubectl, as a user, its standard output and error together.
    struct Output {
        int status = -1;
        std::string text;
    };
    Output kubectl(const std::vector<std::string>& arguments, const std::string& user = kAdmin,
                   const std::string& namespace_name = "default");
    Output apply(const std::string& manifest, const std::string& namespace_name, const std::string& user = kAdmin);

    AuditLog& audit() { return audit_; }

    // SIGTERM, and SIGKILL if it is still there after `grace`: then it no longer listens, but waits a minute for
    // watches to end. It can start again, on the same port and with the same data; etcd goes on meanwhile.
    void stop(std::chrono::milliseconds grace = std::chrono::seconds(3));
    void kill();   // SIGKILL
    void start();  // returns when it is ready
    void pause();  // SIGSTOP
    void resume();
    pid_t pid() const;
    pid_t etcd_pid() const { return etcd_->pid(); }

private:
    std::string path(const std::string& name) const { return folder_.path(name); }
    void write_pair(const std::string& name, const KeyPair& pair) const;  // as NAME.crt and NAME.key
    std::string write_kubeconfig(const std::string& credentials, const std::string& namespace_name,
                                 const std::string& url);
    bool allowed(const std::string& namespace_name, const std::string& user, const Rule& rule);
    std::string new_name(const std::string& prefix) { return prefix + '-' + std::to_string(++names_); }
    void prepare();
    void start_etcd();
    std::vector<std::string> command() const;
    void await_ready();

    Options options_;
    harness::TempFolder folder_;
    ReservedPort port_;
    ReservedPort etcd_port_;
    const Authority authority_;
    AuditLog audit_;
    int names_ = 0;
    std::map<std::string, std::string> account_tokens_;  // by user
    std::unique_ptr<harness::Process> etcd_;
    std::unique_ptr<harness::Process> server_;  // absent while it is stopped
};

}  // namespace leasehold::servers
