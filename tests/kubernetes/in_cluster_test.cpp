// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/kubernetes/access_support.h"

namespace leasehold::stores::kubernetes {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class InCluster : public AccessTest {
protected:
    InCluster() { mount_service_account(); }
};

TEST_F(InCluster, FindsEverything) {
    const auto access = created();
    ASSERT_TRUE(access);
    const Access::Current now = access->current();
    EXPECT_EQ(now.peer.base_url, "https://10.96.0.1:443");
    EXPECT_EQ(now.peer.ca_pem, certificate(1));
    EXPECT_TRUE(now.peer.verify);
    EXPECT_EQ(now.peer.proxy_url, "");
    EXPECT_FALSE(now.peer.proxy_from_environment);
    EXPECT_EQ(now.authorization, "Bearer first-token");
    EXPECT_EQ(now.problem, "");
    EXPECT_TRUE(now.ready);
    EXPECT_EQ(access->namespace_name(), "shop");
    EXPECT_EQ(access->origin(), "the service account");
    EXPECT_THAT(access->warnings(), IsEmpty());
}

TEST_F(InCluster, AnIpv6HostGetsBrackets) {
    environment_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
    EXPECT_EQ(created()->current().peer.base_url, "https://[fd00::1]:443");
    environment_["KUBERNETES_SERVICE_HOST"] = "[fd00::1]";
    EXPECT_EQ(created()->current().peer.base_url, "https://[fd00::1]:443");
}

TEST_F(InCluster, ThePodsNamespaceIsItsOwnWhereverTheLockIs) {
    options_.namespace_name = "locks";
    EXPECT_EQ(created()->namespace_name(), "locks");
    EXPECT_EQ(created()->pod_namespace(), "shop");
    environment_["POD_NAMESPACE"] = "apps";
    EXPECT_EQ(created()->pod_namespace(), "apps");
    environment_["POD_NAMESPACE"] = "no/namespace";
    EXPECT_EQ(created()->pod_namespace(), "shop");
    environment_.erase("POD_NAMESPACE");
    std::filesystem::remove(folder_ / "serviceaccount/namespace");
    EXPECT_EQ(created()->pod_namespace(), "locks");
}

TEST_F(InCluster, NothingElseIsLookedAtIfThatIsWanted) {
    environment_["KUBECONFIG"] = folder_.put("other", "no kubeconfig");
    options_.service_account_only = true;
    EXPECT_EQ(created()->origin(), "the service account");
    environment_.erase("KUBERNETES_SERVICE_HOST");
    EXPECT_THAT(refusal(), HasSubstr("--use-cluster-credentials needs a pod: KUBERNETES_SERVICE_HOST is not set"));
}

TEST_F(InCluster, BadVariables) {
    environment_["KUBERNETES_SERVICE_PORT"] = "tcp://10.0.0.1:443";
    EXPECT_THAT(refusal(), HasSubstr("KUBERNETES_SERVICE_PORT 'tcp://10.0.0.1:443'"));
    environment_["KUBERNETES_SERVICE_PORT"] = "443/x";
    EXPECT_THAT(refusal(), HasSubstr("KUBERNETES_SERVICE_PORT"));
    environment_.erase("KUBERNETES_SERVICE_PORT");
    EXPECT_THAT(refusal(), HasSubstr("KUBERNETES_SERVICE_PORT is not"));
}

TEST_F(InCluster, ProxyVariablesOnlyIfAskedFor) {
    environment_["HTTPS_PROXY"] = "http://proxy:3128";
    EXPECT_FALSE(created()->current().peer.proxy_from_environment);
    options_.proxy_from_environment = true;
    EXPECT_TRUE(created()->current().peer.proxy_from_environment);
    options_.proxy_url = "socks5://other:1080";
    EXPECT_FALSE(created()->current().peer.proxy_from_environment);
    EXPECT_EQ(created()->current().peer.proxy_url, "socks5h://other:1080");
    options_.proxy_url = "gopher://u:s3cret@x";
    EXPECT_THAT(refusal(), AllOf(HasSubstr("proxy_url"), testing::Not(HasSubstr("s3cret"))));
}

TEST_F(InCluster, MissingFilesAtTheStart) {
    std::filesystem::remove(folder_ / "serviceaccount/token");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("serviceaccount/token"), HasSubstr("automountServiceAccountToken")));
    folder_.put("serviceaccount/token", "\n");
    EXPECT_THAT(refusal(), HasSubstr("serviceaccount/token is empty"));
    folder_.put("serviceaccount/token", "t");
    std::filesystem::remove(folder_ / "serviceaccount/ca.crt");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("serviceaccount/ca.crt"), HasSubstr("automountServiceAccountToken")));
    std::filesystem::create_directory(folder_ / "serviceaccount/ca.crt");
    EXPECT_THAT(refusal(), HasSubstr("serviceaccount/ca.crt is a folder"));
}

TEST_F(InCluster, Namespaces) {
    std::filesystem::remove(folder_ / "serviceaccount/namespace");
    EXPECT_EQ(created()->namespace_name(), "default");
    folder_.put("serviceaccount/namespace", "Not A Name");
    EXPECT_THAT(refusal(), HasSubstr("serviceaccount/namespace holds no name"));
    options_.namespace_name = "given";
    EXPECT_EQ(created()->namespace_name(), "given");
}

TEST_F(InCluster, AContextWithoutKubeconfig) {
    options_.context = "dev";
    EXPECT_THAT(refusal(), HasSubstr("election.store.kubernetes.context"));
}

TEST_F(InCluster, ARotatedTokenIsReadAgain) {
    // As kubelet does it: token -> ..data/token, ..data -> a folder, and the link is replaced.
    const auto swap_to = [&](const std::string& version, const std::string& token, unsigned char number) {
        folder_.put("serviceaccount/" + version + "/token", token);
        folder_.put("serviceaccount/" + version + "/ca.crt", certificate(number));
        std::filesystem::create_directory_symlink(version, folder_ / "serviceaccount/..data_tmp");
        std::filesystem::rename(folder_ / "serviceaccount/..data_tmp", folder_ / "serviceaccount/..data");
    };
    swap_to("..1", "one", 1);
    for (const char* name : {"token", "ca.crt"}) {
        std::filesystem::remove(folder_ / (std::string("serviceaccount/") + name));
        std::filesystem::create_symlink(std::string("..data/") + name,
                                        folder_ / (std::string("serviceaccount/") + name));
    }
    const auto access = created();
    EXPECT_EQ(access->current().authorization, "Bearer one");
    swap_to("..2", "two", 2);
    EXPECT_EQ(access->current().authorization, "Bearer two");
    EXPECT_EQ(access->current().peer.ca_pem, certificate(2));
    EXPECT_EQ(access->current().problem, "");
}

TEST_F(InCluster, AHalfWrittenTokenKeepsTheLastGood) {
    const auto access = created();
    for (const std::string& half :
         {std::string(), std::string("\n"), std::string("two words"), std::string("a\0b", 3)}) {
        folder_.put("serviceaccount/token", half);
        const Access::Current now = access->current();
        EXPECT_EQ(now.authorization, "Bearer first-token");
        EXPECT_THAT(now.problem, AllOf(HasSubstr("serviceaccount/token"), HasSubstr("stays in use")));
        EXPECT_EQ(access->current().problem, now.problem);
        EXPECT_TRUE(now.ready);
    }
    std::filesystem::remove(folder_ / "serviceaccount/token");
    EXPECT_EQ(access->current().authorization, "Bearer first-token");
    EXPECT_THAT(access->current().problem, HasSubstr("No such file"));
    folder_.put("serviceaccount/token", "second-token");
    EXPECT_EQ(access->current().authorization, "Bearer second-token");
    EXPECT_EQ(access->current().problem, "");
}

TEST_F(InCluster, ABrokenCaKeepsTheLastGood) {
    const auto access = created();
    folder_.put("serviceaccount/ca.crt", certificate(2).substr(0, 35));
    EXPECT_EQ(access->current().peer.ca_pem, certificate(1));
    EXPECT_THAT(access->current().problem, HasSubstr("serviceaccount/ca.crt ends in the middle of a certificate"));
    folder_.put("serviceaccount/ca.crt", "no PEM at all");
    EXPECT_EQ(access->current().peer.ca_pem, certificate(1));
    folder_.put("serviceaccount/ca.crt", certificate(2));
    EXPECT_EQ(access->current().peer.ca_pem, certificate(2));
    EXPECT_EQ(access->current().problem, "");
}

TEST_F(InCluster, RefreshReadsWhateverTheTimesSay) {
    const auto access = created();
    EXPECT_THAT(refreshed(*access), HasSubstr("no newer credentials"));
    struct stat before {};
    const std::string token = folder_ / "serviceaccount/token";
    ASSERT_EQ(stat(token.c_str(), &before), 0);
    folder_.put("serviceaccount/token", "other-token\n");  // as long as the first
    const timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(utimensat(AT_FDCWD, token.c_str(), times, 0), 0);
    ASSERT_EQ(access->current().authorization, "Bearer first-token") << "the change cannot be seen from outside";
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().authorization, "Bearer other-token");
}

TEST_F(InCluster, RefreshesAreAnsweredTogether) {
    auto access = created();
    int answered = 0;
    for (int i = 0; i < 3; ++i) access->refresh([&](const Result<void>&) { ++answered; });
    EXPECT_EQ(answered, 0);
    EXPECT_TRUE(serve_until(*loop_, [&] { return answered == 3; }));
    // One of them destroys it: the others are not called.
    for (int i = 0; i < 3; ++i) {
        access->refresh([&](const Result<void>&) {
            ++answered;
            access.reset();
        });
    }
    EXPECT_TRUE(serve_until(*loop_, [&] { return answered > 3; }));
    EXPECT_TRUE(loop_->run_once(Duration::zero()));
    EXPECT_EQ(answered, 4);
    // Destroyed before the answer.
    access = created();
    access->refresh([&](const Result<void>&) { ++answered; });
    access.reset();
    EXPECT_TRUE(loop_->run_once(Duration::zero()));
    EXPECT_EQ(answered, 4);
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
