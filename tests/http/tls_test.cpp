// SPDX-License-Identifier: Apache-2.0
//
// Who is trusted, and who is not, and what is said about it.
#include "tests/http/support.h"

namespace leasehold::stores::http {
namespace {

using servers::Authority;
using servers::CertificateWish;
using std::chrono::hours;
using testing::AllOf;

class TlsTest : public HttpTest {
protected:
    void serve_tls(servers::TlsOptions tls) {
        servers::ServerOptions options;
        options.tls = std::move(tls);
        serve(options);
        server_->handle([](const servers::Request&) { return Reply::json(200, "{}"); });
    }
    void serve_with(const CertificateWish& wish, const Authority& by = authority()) {
        serve_tls({by.issue(wish), {}, true});
    }
    void expect_refused(const std::string& why) {
        Answer answer = put("/x", "{}");
        EXPECT_EQ(answer.failure, Failure::tls);
        EXPECT_FALSE(answer.sent);
        EXPECT_THAT(answer.detail, AllOf(HasSubstr(server_->authority()), HasSubstr(why)));
        EXPECT_EQ(server_->request_count(), 0U);
        Peer unverified = peer_of(*server_);
        unverified.verify = false;
        client_->set_peer(unverified);
        EXPECT_EQ(get("/x").status, 200) << "any will do without verification";
    }
};

TEST_F(TlsTest, another_ca) {
    serve_with({}, Authority("another CA"));
    expect_refused("is not signed by the given CA");
}

TEST_F(TlsTest, signed_by_itself) {
    serve_with({});
    const Authority itself("127.0.0.1");
    Peer peer = peer_of(*server_);
    peer.ca_pem = itself.pem();
    client_->set_peer(peer);
    expect_refused("is not signed by the given CA");
}

TEST_F(TlsTest, not_trusted_by_the_system) {
    serve_with({});
    Peer peer = peer_of(*server_);
    peer.ca_pem.clear();
    client_->set_peer(peer);
    expect_refused("is not signed by a CA that this system trusts");
}

TEST_F(TlsTest, expired) {
    CertificateWish wish;
    wish.begins = -hours(48);
    wish.ends = -hours(24);
    serve_with(wish);
    expect_refused("has expired");
}

TEST_F(TlsTest, not_yet_valid) {
    CertificateWish wish;
    wish.begins = hours(24);
    wish.ends = hours(48);
    serve_with(wish);
    expect_refused("is not yet valid");
}

TEST_F(TlsTest, for_other_names) {
    CertificateWish wish;
    wish.names = {"DNS:kubernetes.default.svc", "IP:10.96.0.1"};
    serve_with(wish);
    expect_refused("is not for 127.0.0.1, but for DNS:kubernetes.default.svc, IP Address:10.96.0.1");
}

TEST_F(TlsTest, without_any_name) {
    CertificateWish wish;
    wish.names = {};
    wish.common_name = "127.0.0.1";
    serve_with(wish);
    const Answer answer = get("/x");
    EXPECT_THAT(answer.failure, testing::AnyOf(Failure::tls, Failure::none)) << answer.detail;
}

TEST_F(TlsTest, the_name_may_be_another_than_the_hosts) {
    CertificateWish wish;
    wish.names = {"DNS:kubernetes.default.svc", "IP:10.96.0.1", "IP:fd00::1"};
    serve_with(wish);
    Peer peer = peer_of(*server_);
    for (const char* name : {"kubernetes.default.svc", "10.96.0.1", "fd00::1", "[fd00::1]"}) {
        peer.server_name = name;
        client_->set_peer(peer);
        const Answer answer = get("/x");
        EXPECT_EQ(answer.status, 200) << name << ": " << answer.detail;
        EXPECT_EQ(server_->requests().back().headers.at("host"), server_->authority());
    }
    const auto count = server_->request_count();
    peer.server_name = "another.name";
    client_->set_peer(peer);
    const Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::tls);
    EXPECT_THAT(answer.detail, HasSubstr(server_->authority() + " is not for another.name, but for DNS:kubernetes"));
    EXPECT_EQ(server_->request_count(), count);
}

TEST_F(TlsTest, the_name_may_be_another_than_an_ip6_hosts) {
    CertificateWish wish;
    wish.names = {"DNS:kubernetes.default.svc"};
    servers::ServerOptions options;
    options.address = "::1";
    options.tls = {authority().issue(wish), {}, true};
    serve(options);
    server_->handle([](const servers::Request&) { return Reply::json(200, "{}"); });
    Peer peer = peer_of(*server_);
    peer.server_name = "kubernetes.default.svc";
    client_->set_peer(peer);
    const Answer answer = get("/x");
    EXPECT_EQ(answer.status, 200) << answer.detail;
    EXPECT_EQ(server_->requests().back().headers.at("host"), server_->authority());
}

TEST_F(TlsTest, a_client_certificate_is_shown) {
    const Authority clients("clients");
    CertificateWish wish;
    wish.common_name = "agent";
    wish.organizations = {"leasehold"};
    const servers::KeyPair pair = clients.issue(wish);
    serve_tls({authority().issue(), clients.pem(), true});
    Peer peer = peer_of(*server_);
    peer.certificate_pem = pair.certificate_pem;
    peer.key_pem = pair.key_pem;
    client_->set_peer(peer);
    EXPECT_EQ(get("/x").status, 200);
    EXPECT_EQ(server_->requests().back().client_subject, "CN=agent,O=leasehold");

    // Another certificate means another connection.
    wish.common_name = "other";
    const servers::KeyPair other = clients.issue(wish);
    peer.certificate_pem = other.certificate_pem;
    peer.key_pem = other.key_pem;
    client_->set_peer(peer);
    EXPECT_EQ(get("/x").status, 200);
    EXPECT_EQ(server_->requests().back().client_subject, "CN=other,O=leasehold");
    EXPECT_FALSE(server_->requests().back().resumed);
}

TEST_F(TlsTest, a_client_certificate_that_the_server_refuses) {
    const Authority clients("clients");
    serve_tls({authority().issue(), clients.pem(), true});
    Answer answer = put("/x", "{}");
    EXPECT_EQ(answer.failure, Failure::tls) << answer.detail;
    EXPECT_THAT(answer.detail, HasSubstr("client certificate"));
    const servers::KeyPair wrong = authority().issue();
    Peer peer = peer_of(*server_);
    peer.certificate_pem = wrong.certificate_pem;
    peer.key_pem = wrong.key_pem;
    client_->set_peer(peer);
    answer = put("/x", "{}");
    EXPECT_EQ(answer.failure, Failure::tls) << answer.detail;
    EXPECT_EQ(server_->request_count(), 0U);
}

TEST_F(TlsTest, certificates_and_keys_that_are_none) {
    serve_with({});
    const servers::KeyPair pair = authority().issue();
    const servers::KeyPair other = authority().issue();
    const Peer right = peer_of(*server_);
    const auto expect = [&](const char* certificate, const std::string& key, const char* ca, const char* why) {
        Peer peer = right;
        if (certificate != nullptr) peer.certificate_pem = certificate;
        peer.key_pem = key;
        if (ca != nullptr) peer.ca_pem = ca;
        client_->set_peer(peer);
        const Answer answer = get("/x");
        EXPECT_EQ(answer.failure, Failure::tls) << answer.detail;
        EXPECT_THAT(answer.detail, HasSubstr(why));
        EXPECT_THAT(answer.detail, testing::Not(HasSubstr("PRIVATE KEY")));
    };
    const char* const certificate = pair.certificate_pem.c_str();
    expect(nullptr, {}, "no PEM at all", "the given CA is no certificate");
    expect("no PEM at all", pair.key_pem, nullptr, "the client certificate or its key cannot be used");
    expect(certificate, "no PEM at all", nullptr, "the client certificate or its key cannot be used");
    expect(certificate, other.key_pem, nullptr, "the client certificate or its key cannot be used");
    // Nobody is asked for a password.
    expect(certificate, servers::encrypted_key(pair.key_pem, "secret"), nullptr,
           "the client certificate or its key cannot be used");
    EXPECT_EQ(server_->request_count(), 0U);
}

TEST_F(TlsTest, sessions_are_resumed_by_new_connections) {
    serve_with({});
    EXPECT_EQ(get("/x").status, 200);
    EXPECT_FALSE(server_->requests().back().resumed);
    EXPECT_EQ(ask(fresh("/x")).status, 200);
    EXPECT_TRUE(server_->requests().back().resumed);
    // But not by those of another peer: what was not verified before must not count as verified.
    Peer peer = peer_of(*server_);
    peer.ca_pem = Authority("another CA").pem();
    client_->set_peer(peer);
    EXPECT_EQ(get("/x").failure, Failure::tls);
}

TEST_F(TlsTest, a_server_without_tls) {
    serve();
    Peer peer = peer_of(*server_);
    peer.base_url = "https://" + server_->authority();
    client_->set_peer(peer);
    const Answer answer = get("/x");
    EXPECT_EQ(answer.failure, Failure::tls) << answer.detail;
    EXPECT_THAT(answer.detail, HasSubstr("does not speak TLS"));
    EXPECT_FALSE(answer.sent);
}

TEST_F(TlsTest, a_server_with_tls_that_is_spoken_to_without) {
    serve_with({});
    Peer peer = peer_of(*server_);
    peer.base_url = "http://" + server_->authority();
    client_->set_peer(peer);
    const Answer answer = get("/x");
    EXPECT_NE(answer.failure, Failure::none);
    EXPECT_THAT(answer.detail, HasSubstr(server_->authority()));
}

}  // namespace
}  // namespace leasehold::stores::http
