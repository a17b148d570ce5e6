// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/kubernetes/access_support.h"

namespace leasehold::stores::kubernetes {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Kubeconfig : public AccessTest {
protected:
    // The same with a secret in it, which no message may show.
    std::string refusal_of(const std::string& user, const std::string& cluster = "server: https://example.org:6443") {
        use_kubeconfig(user, cluster);
        std::string message = refusal();
        EXPECT_THAT(message, Not(HasSubstr("s3cret")));
        EXPECT_THAT(message, Not(HasSubstr("\n")));
        return message;
    }
    http::Peer peer_of(const std::string& user, const std::string& cluster) {
        use_kubeconfig(user, cluster);
        const auto access = created();
        return access ? access->current().peer : http::Peer{};
    }
    std::string authorization_of(const std::string& user) {
        use_kubeconfig(user);
        const auto access = created();
        return access ? access->current().authorization : "";
    }
};

TEST_F(Kubeconfig, Everything) {
    folder_.put("pki/ca.crt", certificate(1));
    folder_.put("pki/me.crt", certificate(2));
    folder_.put("pki/me.key", private_key(3));
    options_.kubeconfig = folder_.put("config", R"(
apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: dev
contexts:
- name: other
  context: {cluster: nowhere, user: nobody}
- name: dev
  context: {cluster: here, user: me, namespace: shop}
clusters:
- name: here
  cluster:
    server: https://example.org:6443/prefix/
    certificate-authority: pki/ca.crt
    tls-server-name: kubernetes.default
    proxy-url: http://u:p@proxy:3128
    disable-compression: true
users:
- name: me
  user:
    client-certificate: pki/me.crt
    client-key: ./pki/me.key
    token: abc
)");
    const auto access = created();
    ASSERT_TRUE(access);
    const Access::Current now = access->current();
    EXPECT_EQ(now.peer.base_url, "https://example.org:6443/prefix");
    EXPECT_EQ(now.peer.ca_pem, certificate(1));
    EXPECT_EQ(now.peer.certificate_pem, certificate(2));
    EXPECT_EQ(now.peer.key_pem, private_key(3));
    EXPECT_EQ(now.peer.server_name, "kubernetes.default");
    EXPECT_EQ(now.peer.proxy_url, "http://u:p@proxy:3128");
    EXPECT_TRUE(now.peer.verify);
    EXPECT_EQ(now.authorization, "Bearer abc");
    EXPECT_EQ(access->namespace_name(), "shop");
    EXPECT_EQ(access->origin(), folder_ / "config, context dev");
    EXPECT_THAT(access->warnings(), IsEmpty());

    options_.context = "other";
    EXPECT_THAT(refusal(), AllOf(HasSubstr("context 'other'"), HasSubstr("cluster 'nowhere'"), HasSubstr("here")));
}

TEST_F(Kubeconfig, InlineDataAndJson) {
    options_.kubeconfig = folder_.put("config", R"({"kind": "Config", "apiVersion": "v1", "current-context": "c",
            "clusters": [{"name": "x", "cluster": {"server": "https://h", "certificate-authority-data": ")" +
                                                    encode_base64(certificate(1)) + R"("}}],
            "users": [{"name": "u", "user": {"client-certificate-data": ")" +
                                                    encode_base64(certificate(2)) + R"(", "client-key-data": ")" +
                                                    encode_base64(private_key(3)) + R"("}}],
            "contexts": [{"name": "c", "context": {"cluster": "x", "user": "u"}}]})");
    const auto access = created();
    ASSERT_TRUE(access);
    EXPECT_EQ(access->current().peer.ca_pem, certificate(1));
    EXPECT_EQ(access->current().peer.certificate_pem, certificate(2));
    EXPECT_EQ(access->current().peer.key_pem, private_key(3));
    EXPECT_EQ(access->current().authorization, "");
    EXPECT_EQ(access->namespace_name(), "default");
}

TEST_F(Kubeconfig, WaysToBeSomebody) {
    EXPECT_EQ(authorization_of("token: abc"), "Bearer abc");
    EXPECT_EQ(authorization_of("token: 0123"), "Bearer 0123");
    EXPECT_EQ(authorization_of("username: me, password: 'p:w'"), "Basic " + encode_base64("me:p:w"));
    EXPECT_EQ(authorization_of(""), "");
    folder_.put("token", "from-file\n");
    EXPECT_EQ(authorization_of("tokenFile: token"), "Bearer from-file");
    EXPECT_EQ(authorization_of("token: abc, tokenFile: token"), "Bearer from-file");
    EXPECT_EQ(authorization_of("token: abc, tokenFile: not-there"), "Bearer abc");
}

TEST_F(Kubeconfig, TheOrderOfPlaces) {
    environment_["HOME"] = folder_ / "home";
    EXPECT_THAT(refusal(), AllOf(HasSubstr("no cluster is given"), HasSubstr("home/.kube/config does not exist")));
    environment_.clear();
    EXPECT_THAT(refusal(), HasSubstr("$HOME is not set"));
    environment_["HOME"] = folder_ / "home";
    const auto named = [](const std::string& name) {
        return "clusters: [{name: x, cluster: {server: 'https://" + name +
               "'}}]\ncontexts: [{name: x, context: {cluster: x}}]\ncurrent-context: x\n";
    };
    folder_.put("home/.kube/config", named("home"));
    EXPECT_EQ(created()->current().peer.base_url, "https://home");
    EXPECT_EQ(created()->namespace_name(), "default");
    mount_service_account();
    EXPECT_EQ(created()->current().peer.base_url, "https://10.96.0.1:443");
    environment_["KUBECONFIG"] = folder_.put("variable", named("variable"));
    EXPECT_EQ(created()->current().peer.base_url, "https://variable");
    EXPECT_EQ(created()->namespace_name(), "shop") << "the pod's, since the context has none";
    options_.kubeconfig = folder_.put("option", named("option"));
    EXPECT_EQ(created()->current().peer.base_url, "https://option");
}

TEST_F(Kubeconfig, ListsAreMerged) {
    const std::string first = folder_.put("a/config", R"(
contexts: [{name: dev, context: {cluster: here, user: me}}]
users: [{name: me, user: {tokenFile: token}}]
current-context: ""
)");
    const std::string second = folder_.put("b/config", R"(
current-context: dev
clusters: [{name: here, cluster: {server: https://second, certificate-authority: ca.crt}}]
users: [{name: me, user: {token: of-second, username: u}}]
contexts: [{name: prod, context: {cluster: here}}]
)");
    const std::string third = folder_.put("c/config", "current-context: prod\n");
    folder_.put("a/token", "of-first");
    folder_.put("b/ca.crt", certificate(1));
    environment_["KUBECONFIG"] = first + ":" + (folder_ / "missing") + "::" + second + ":" + first + ":" + third;
    const auto access = created();
    ASSERT_TRUE(access);
    EXPECT_EQ(access->current().peer.base_url, "https://second");
    EXPECT_EQ(access->current().peer.ca_pem, certificate(1));
    EXPECT_EQ(access->current().authorization, "Bearer of-first") << "nothing of the second user is taken";
    EXPECT_EQ(access->origin(), first + ", context dev");

    options_.kubeconfig = environment_["KUBECONFIG"];
    EXPECT_THAT(refusal(), AllOf(HasSubstr("missing"), HasSubstr("No such file"))) << "explicit ones must be there";
    options_.kubeconfig.clear();
    environment_["KUBECONFIG"] = (folder_ / "missing") + ":" + (folder_ / "too");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("$KUBECONFIG"), HasSubstr("missing, "), HasSubstr("too")));
}

TEST_F(Kubeconfig, WhatIsMissingIsNamed) {
    use_kubeconfig("token: s3cret");
    options_.context = "prod";
    EXPECT_THAT(refusal(), AllOf(HasSubstr("no context 'prod'"), HasSubstr("there is only: dev")));
    options_.context.clear();
    const auto with = [&](const std::string& text) {
        options_.kubeconfig = folder_.put("config", text);
        return refusal();
    };
    EXPECT_THAT(with(""), AllOf(HasSubstr("no context is chosen"), HasSubstr("there is none")));
    EXPECT_THAT(with("contexts: [{name: a}, {name: b}]"), AllOf(HasSubstr("no context is chosen"), HasSubstr("a, b")));
    EXPECT_THAT(with("current-context: c\ncontexts: [{name: a}, {name: b}]"), HasSubstr("'c', the current-context"));
    EXPECT_THAT(with("current-context: a\ncontexts: [{name: a}]"), HasSubstr("`cluster` is missing"));
    EXPECT_THAT(with("current-context: a\ncontexts: [{name: a, context: {cluster: x, user: y}}]\n"
                     "clusters: [{name: x}]\nusers: [{name: z}]"),
                AllOf(HasSubstr("user 'y'"), HasSubstr("there is only: z")));
    EXPECT_THAT(with("current-context: a\ncontexts: [{name: a, context: {cluster: x}}]\nclusters: [{name: x}]"),
                AllOf(HasSubstr("cluster 'x'"), HasSubstr("`server` is missing")));
    EXPECT_THAT(with("current-context: a\ncontexts: [{name: a, context: {cluster: x, namespace: A_B}}]\n"
                     "clusters: [{name: x}]"),
                HasSubstr("`namespace` 'A_B'"));
}

TEST_F(Kubeconfig, FilesThatAreNone) {
    const auto with = [&](const std::string& text) {
        options_.kubeconfig = folder_.put("config", text);
        return refusal();
    };
    EXPECT_THAT(with("a: b\n  c: 's3cret'\n"),
                AllOf(HasSubstr("config is no kubeconfig: line 2: "), Not(HasSubstr("s3cret"))));
    EXPECT_THAT(with("[]"), HasSubstr("not a mapping"));
    EXPECT_THAT(with("just text"), HasSubstr("not a mapping"));
    EXPECT_THAT(with("kind: Pod"), HasSubstr("`kind` is not Config"));
    EXPECT_THAT(with("apiVersion: v2"), HasSubstr("`apiVersion` is not v1"));
    EXPECT_THAT(with("clusters: {a: b}"), HasSubstr("`clusters` in"));
    EXPECT_THAT(with("users: [a]"), HasSubstr("`users` in"));
    EXPECT_THAT(with("users: [{user: {}}]"), HasSubstr("without a `name`"));
    EXPECT_THAT(with("users: [{name: a, user: []}]"), HasSubstr("must be a mapping"));
    EXPECT_THAT(with("users: [{name: a}, {name: a}]"), HasSubstr("user 'a' in "));
    EXPECT_THAT(with("current-context: [a]"), HasSubstr("`current-context`"));
    EXPECT_THAT(with(std::string((1 << 20) + 1, '#')), HasSubstr("larger than 1 MiB"));
    options_.kubeconfig = folder_.path();
    EXPECT_THAT(refusal(), HasSubstr("is a folder"));
    options_.kubeconfig = ":";
    EXPECT_THAT(refusal(), HasSubstr("names no file"));
    options_.kubeconfig = "/dev/null";
    EXPECT_THAT(refusal(), HasSubstr("no regular file"));
    options_.kubeconfig = folder_ / "not/there";
    EXPECT_THAT(refusal(), AllOf(HasSubstr("not/there"), HasSubstr("No such file")));
}

TEST_F(Kubeconfig, BadFields) {
    const std::string file = folder_ / "kubeconfig";
    EXPECT_THAT(refusal_of("client-certificate-data: '*s3cret*', client-key-data: ''"),
                AllOf(HasSubstr("user 'me' in " + file), HasSubstr("`client-certificate-data` is not base64")));
    EXPECT_THAT(refusal_of("token: x", "server: https://h, certificate-authority-data: '*'"),
                AllOf(HasSubstr("cluster 'here' in " + file), HasSubstr("`certificate-authority-data` is not base64")));
    EXPECT_THAT(refusal_of("token: x", "server: https://h, certificate-authority-data: czNjcmV0"),
                HasSubstr("`certificate-authority-data` holds no certificate"));
    EXPECT_THAT(refusal_of("client-key-data: czNjcmV0, client-certificate-data: " + encode_base64(certificate(1))),
                HasSubstr("`client-key-data` holds no private key"));
    EXPECT_THAT(refusal_of("client-certificate-data: " + encode_base64(certificate(1))),
                HasSubstr("needs `client-key`"));
    EXPECT_THAT(refusal_of("client-certificate: a, client-certificate-data: eA=="), HasSubstr("exclude each other"));
    EXPECT_THAT(refusal_of("client-certificate: a.crt, client-key: a.key"), HasSubstr(folder_ / "a.crt"));
    EXPECT_THAT(refusal_of("tokenFile: not-there"), HasSubstr(folder_ / "not-there"));
    EXPECT_THAT(refusal_of("token: 's3cret two'"), HasSubstr("`token` is no token"));
    EXPECT_THAT(refusal_of("token: [s3cret]"), HasSubstr("`token` must be a text"));
    EXPECT_THAT(refusal_of("token: s3cret, username: me"), HasSubstr("exclude each other"));
    EXPECT_THAT(refusal_of("auth-provider: {name: gcp}"), AllOf(HasSubstr("auth-provider"), HasSubstr("exec")));
    EXPECT_THAT(refusal_of("token: x, as: admin"), HasSubstr("`as` (impersonation)"));
    EXPECT_THAT(refusal_of("token: x", "server: example.org"), HasSubstr("`server` has no scheme"));
    EXPECT_THAT(refusal_of("token: x", "server: https://u:s3cret@h"), HasSubstr("credentials"));
    EXPECT_THAT(refusal_of("token: x", "server: https://h, proxy-url: 'ftp://u:s3cret@h'"), HasSubstr("`proxy-url`"));
    EXPECT_THAT(refusal_of("token: x", "server: https://h, insecure-skip-tls-verify: maybe"),
                HasSubstr("true or false"));
    EXPECT_THAT(refusal_of("token: x", "server: https://h, insecure-skip-tls-verify: true, certificate-authority: x"),
                HasSubstr("exclude each other"));
}

TEST_F(Kubeconfig, VerificationCanBeTurnedOffWithAWarning) {
    use_kubeconfig("token: x", "server: https://h, insecure-skip-tls-verify: true");
    const auto access = created();
    ASSERT_TRUE(access);
    EXPECT_FALSE(access->current().peer.verify);
    EXPECT_THAT(access->warnings(), ElementsAre(HasSubstr("not verified")));
}

TEST_F(Kubeconfig, NothingSecretGoesOverPlainHttp) {
    use_kubeconfig("token: x, client-key-data: " + encode_base64(private_key(1)) +
                       ", client-certificate-data: " + encode_base64(certificate(1)),
                   "server: 'http://127.0.0.1:8001'");
    const auto access = created();
    ASSERT_TRUE(access);
    EXPECT_EQ(access->current().authorization, "");
    EXPECT_EQ(access->current().peer.key_pem, "");
    EXPECT_TRUE(access->current().ready);
    EXPECT_THAT(access->warnings(), ElementsAre(HasSubstr("not encrypted")));
}

TEST_F(Kubeconfig, ASocksProxyLooksTheNameUp) {
    EXPECT_EQ(peer_of("", "server: https://h, proxy-url: 'socks5://p:1'").proxy_url, "socks5h://p:1");
    options_.proxy_url = "http://mine:1";
    EXPECT_EQ(peer_of("", "server: https://h, proxy-url: 'socks5://p:1'").proxy_url, "http://mine:1");
}

TEST_F(Kubeconfig, FilesAreReadAgain) {
    folder_.put("ca.crt", certificate(1));
    folder_.put("me.crt", certificate(2));
    folder_.put("me.key", private_key(3));
    folder_.put("token", "one");
    use_kubeconfig("client-certificate: me.crt, client-key: me.key, tokenFile: token",
                   "server: https://h, certificate-authority: ca.crt");
    const auto access = created();
    ASSERT_TRUE(access);
    folder_.put("ca.crt", certificate(4) + certificate(1));
    folder_.put("me.crt", certificate(5) + certificate(1));
    folder_.put("me.key", private_key(6) + "\n");
    folder_.put("token", "second");
    Access::Current now = access->current();
    EXPECT_EQ(now.peer.ca_pem, certificate(4) + certificate(1));
    EXPECT_EQ(now.peer.certificate_pem, certificate(5) + certificate(1));
    EXPECT_EQ(now.peer.key_pem, private_key(6) + "\n");
    EXPECT_EQ(now.authorization, "Bearer second");
    EXPECT_EQ(now.problem, "");
    folder_.put("me.key", private_key(7).substr(0, 45));
    folder_.put("token", "");
    now = access->current();
    EXPECT_EQ(now.peer.key_pem, private_key(6) + "\n");
    EXPECT_THAT(now.problem, AllOf(HasSubstr("me.key ends in the middle"), HasSubstr("token is empty")));
}

TEST_F(Kubeconfig, IsReadAgainOnRefresh) {
    use_kubeconfig("token: one");
    const auto access = created();
    ASSERT_TRUE(access);
    EXPECT_THAT(refreshed(*access), HasSubstr("no newer credentials"));
    use_kubeconfig("token: two");
    EXPECT_EQ(access->current().authorization, "Bearer one");
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().authorization, "Bearer two");

    folder_.put("kubeconfig", "apiVersion: v1\nusers: [{name: 'half");
    EXPECT_THAT(refreshed(*access), HasSubstr("no kubeconfig"));
    EXPECT_EQ(access->current().authorization, "Bearer two");
    EXPECT_THAT(access->current().problem, AllOf(HasSubstr("no kubeconfig"), HasSubstr("stays in use")));

    use_kubeconfig("tokenFile: not-there");
    EXPECT_THAT(refreshed(*access), HasSubstr("not-there"));
    EXPECT_EQ(access->current().authorization, "Bearer two");

    use_kubeconfig("token: three", "server: https://elsewhere");
    EXPECT_THAT(refreshed(*access), HasSubstr("elsewhere"));
    EXPECT_EQ(access->current().authorization, "Bearer two");
    EXPECT_EQ(access->current().peer.base_url, "https://example.org:6443");

    use_kubeconfig("token: three", "server: 'https://example.org:6443', insecure-skip-tls-verify: true");
    EXPECT_THAT(refreshed(*access), HasSubstr("verification"));
    EXPECT_TRUE(access->current().peer.verify);

    use_kubeconfig("username: me, password: pw");
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().authorization, "Basic " + encode_base64("me:pw"));
    EXPECT_EQ(access->current().problem, "");
}

TEST_F(Kubeconfig, TheContextStaysWhatItWas) {
    use_kubeconfig("token: one");
    const auto access = created();
    ASSERT_TRUE(access);
    std::string text = folder_.text_of("kubeconfig");
    text.replace(text.find("token: one"), 10, "token: two");
    text.replace(text.find("current-context: dev"), 20, "current-context: nil");
    folder_.put("kubeconfig", text);
    EXPECT_EQ(refreshed(*access), "ok");
    EXPECT_EQ(access->current().authorization, "Bearer two");
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
