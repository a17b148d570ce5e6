// SPDX-License-Identifier: Apache-2.0
//
// What the tests of Access share: a folder with a service account or kubeconfigs in it, and plugins that are scripts.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "election/stores/kubernetes/access.h"
#include "election/stores/secret_text.h"

namespace leasehold::stores::kubernetes {

// PEM blocks whose content is a well-formed ASN.1 sequence and nothing more; they differ by `number`.
inline std::string pem_block(const std::string& label, unsigned char number) {
    const std::string der = {'\x30', '\x03', '\x02', '\x01', static_cast<char>(number)};
    return "-----BEGIN " + label + "-----\n" + encode_base64(der) + "\n-----END " + label + "-----\n";
}
inline std::string certificate(unsigned char number) { return pem_block("CERTIFICATE", number); }
inline std::string private_key(unsigned char number) { return pem_block("PRIVATE KEY", number); }

class AccessFolder {
public:
    AccessFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "leasehold-access-XXXXXX").string();
        path_ = mkdtemp(pattern.data()) != nullptr ? pattern : "";
    }
    AccessFolder(const AccessFolder&) = delete;
    AccessFolder& operator=(const AccessFolder&) = delete;
    ~AccessFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

    std::string put(const std::string& name, const std::string& text) const {
        const std::string path = path_ + "/" + name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
        return path;
    }
    std::string script(const std::string& name, const std::string& text) const {
        const std::string path = put(name, "#!/bin/sh\n" + text);
        EXPECT_EQ(chmod(path.c_str(), 0755), 0);
        return path;
    }
    std::string text_of(const std::string& name) const {
        std::ifstream in(path_ + "/" + name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

private:
    std::string path_;
};

// Serves the loop until the condition holds; false after a generous limit.
inline bool serve_until(EventLoop& loop, const std::function<bool()>& condition) {
    const Instant limit = now() + std::chrono::seconds(60);
    while (!condition()) {
        if (reached_on_any_clock(limit, now())) return false;
        if (!loop.run_once(std::chrono::milliseconds(20))) return false;
    }
    return true;
}

// A world of its own: nothing of this machine's environment, service account or home is looked at.
class AccessTest : public testing::Test {
protected:
    AccessTest() : loop_(std::move(*EventLoop::create())) { places_.service_account = folder_ / "serviceaccount"; }

    Result<std::unique_ptr<Access>> create() {
        return Access::create(
            *loop_, options_,
            [this](const std::string& name) {
                const auto found = environment_.find(name);
                return found == environment_.end() ? std::nullopt : std::optional(found->second);
            },
            places_);
    }
    std::unique_ptr<Access> created() {
        auto made = create();
        if (made) return std::move(*made);
        ADD_FAILURE() << made.error().message;
        return nullptr;
    }
    // The error of create(), or "none".
    std::string refusal() {
        auto made = create();
        return made ? "none" : made.error().message;
    }

    void mount_service_account(const std::string& token = "first-token\n") {
        folder_.put("serviceaccount/token", token);
        folder_.put("serviceaccount/ca.crt", certificate(1));
        folder_.put("serviceaccount/namespace", "shop");
        environment_["KUBERNETES_SERVICE_HOST"] = "10.96.0.1";
        environment_["KUBERNETES_SERVICE_PORT"] = "443";
    }

    // A kubeconfig with one context "dev", of which only the cluster's and the user's fields are said.
    void use_kubeconfig(const std::string& user, const std::string& cluster = "server: https://example.org:6443") {
        options_.kubeconfig = folder_.put("kubeconfig",
                                          "apiVersion: v1\nkind: Config\ncurrent-context: dev\n"
                                          "clusters: [{name: here, cluster: {" +
                                              cluster + "}}]\nusers: [{name: me, user: {" + user +
                                              "}}]\n"
                                              "contexts: [{name: dev, context: {cluster: here, user: me}}]\n");
    }

    // What refresh() answers: "ok" or the error.
    std::string refreshed(Access& access) {
        std::string answer;
        access.refresh([&](const Result<void>& done) { answer = done ? "ok" : done.error().message; });
        EXPECT_EQ(answer, "") << "called back from inside";
        EXPECT_TRUE(serve_until(*loop_, [&] { return !answer.empty(); }));
        return answer;
    }

    AccessFolder folder_;
    std::unique_ptr<EventLoop> loop_;
    KubernetesOptions options_;
    std::map<std::string, std::string> environment_;
    AccessPlaces places_;
};

}  // namespace leasehold::stores::kubernetes
