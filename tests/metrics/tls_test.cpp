// SPDX-License-Identifier: Apache-2.0
//
// The endpoints over TLS, with OpenSSL at the other end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "http_client.h"
#include "tests/servers/certificates.h"

namespace leasehold::metrics {
namespace {

using servers::Authority;
using servers::KeyPair;
using std::chrono::milliseconds;
using testing::HasSubstr;

// A TLS session over a Client, which trusts one authority.
class TlsSession {
public:
    TlsSession(Client client, const Authority& authority, int newest = TLS1_3_VERSION)
        : client_(std::move(client)), context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
        BIO* pem = BIO_new_mem_buf(authority.pem().data(), static_cast<int>(authority.pem().size()));
        X509* trusted = PEM_read_bio_X509(pem, nullptr, nullptr, nullptr);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), trusted);
        X509_free(trusted);
        BIO_free(pem);
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context_.get(), newest);
        SSL_CTX_set_security_level(context_.get(), 0);  // for the old versions, which are to be refused by the server
        ssl_.reset(SSL_new(context_.get()));
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl_.get(), in_, out_);  // takes both over
        SSL_set_connect_state(ssl_.get());
    }

    // What has arrived, and what is to be sent.
    void step() {
        client_.receive();
        if (!client_.received.empty()) {
            BIO_write(in_, client_.received.data(), static_cast<int>(client_.received.size()));
            client_.received.clear();
        }
        const int done = SSL_do_handshake(ssl_.get());
        if (done != 1 && SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ) failed = true;
        char buffer[4096];
        for (int got = 1; done == 1 && got > 0;) {
            got = SSL_read(ssl_.get(), buffer, sizeof buffer);
            if (got > 0) received.append(buffer, static_cast<std::size_t>(got));
        }
        ERR_clear_error();
        for (int size = 1; size > 0;) {
            size = BIO_read(out_, buffer, sizeof buffer);
            if (size > 0) client_.send(std::string(buffer, static_cast<std::size_t>(size)));
        }
    }

    bool established() const { return SSL_is_init_finished(ssl_.get()) == 1; }
    bool closed() const { return client_.closed || failed; }
    void send(const std::string& text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }

    std::string received;
    bool failed = false;

private:
    Client client_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, &SSL_free};
    BIO* in_ = nullptr;
    BIO* out_ = nullptr;
};

class TlsTest : public ServerTest {
protected:
    void start_tls(HttpLimits limits = {}) {
        source_ = [this] { return std::exchange(next_, std::nullopt); };
        start({"127.0.0.1:0"}, limits);
    }
    void show(const KeyPair& pair) { next_ = TlsIdentity{pair.certificate_pem, pair.key_pem}; }

    bool establish(TlsSession& session) {
        return until([&] {
                   session.step();
                   return session.established() || session.closed();
               }) &&
               session.established();
    }

    // The status of an answer; 0 when there is none.
    int ask(TlsSession& session, const std::string& path = "/") {
        if (!establish(session)) return 0;
        session.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
        Answer answer;
        until([&] {
            session.step();
            return take_answer(session.received, answer) || session.closed();
        });
        return answer.status;
    }

    int ask_anew(const Authority& authority, int newest = TLS1_3_VERSION) {
        TlsSession session(connect(), authority, newest);
        return ask(session);
    }

    // Whether a server that looks at most once a second shows what this authority has signed.
    bool comes_to_show(const Authority& authority) {
        return until([&] { return ask_anew(authority) == 200; });
    }

    const Authority authority_;
    std::optional<TlsIdentity> next_;
};

TEST_F(TlsTest, AnswersOverTls12And13Only) {
    show(authority_.issue());
    start_tls();
    EXPECT_EQ(ask_anew(authority_), 200);
    EXPECT_EQ(ask_anew(authority_, TLS1_2_VERSION), 200);
    EXPECT_EQ(ask_anew(authority_, TLS1_1_VERSION), 0);
    EXPECT_EQ(ask_anew(Authority("another")), 0) << "the client does not trust it";
    EXPECT_EQ(requests_.size(), 2U);
}

TEST_F(TlsTest, ConnectionsAreKeptAndLargeAnswersArrive) {
    show(authority_.issue());
    start_tls();
    TlsSession session(connect(), authority_);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(session, "/" + std::to_string(i)), 200);
    EXPECT_EQ(ask(session, "/" + std::string(5000, 'x')), 200);
}

TEST_F(TlsTest, PlainHttpIsNotAnswered) {
    show(authority_.issue());
    start_tls();
    EXPECT_EQ(get("/").status, 0);
    EXPECT_TRUE(requests_.empty());
    EXPECT_EQ(ask_anew(authority_), 200);
}

TEST_F(TlsTest, AnotherCertificateIsShownWithoutANewStart) {
    show(authority_.issue());
    start_tls();
    TlsSession kept(connect(), authority_);
    EXPECT_EQ(ask(kept), 200);
    const Authority second("the second");
    show(second.issue());
    EXPECT_TRUE(comes_to_show(second));
    EXPECT_EQ(ask_anew(authority_), 0);
}

TEST_F(TlsTest, APairThatDoesNotFitLeavesTheOldOne) {
    show(authority_.issue());
    start_tls();
    EXPECT_EQ(ask_anew(authority_), 200);
    next_ = TlsIdentity{authority_.issue().certificate_pem, authority_.issue().key_pem};
    EXPECT_FALSE(try_tls_identity(*next_));
    EXPECT_TRUE(until([&] { return ask_anew(authority_) == 200 && !next_; })) << "it was never looked at";
    EXPECT_EQ(ask_anew(authority_), 200);
}

TEST_F(TlsTest, WithoutAnIdentityConnectionsAreClosedUntilThereIsOne) {
    start_tls();
    EXPECT_EQ(ask_anew(authority_), 0);
    show(authority_.issue());
    EXPECT_TRUE(comes_to_show(authority_));
}

TEST_F(TlsTest, ThoseWhoStallInTheHandshakeKeepNobodyOut) {
    show(authority_.issue());
    start_tls({.handshakes = 4, .request_time = std::chrono::hours(1)});
    std::vector<Client> stalled;
    for (int i = 0; i < 40; ++i) {
        stalled.push_back(connect());
        stalled.back().send(i % 2 == 0 ? "" : "\x16\x03\x01");
        ASSERT_TRUE(loop_->run_once(milliseconds(1)));
    }
    EXPECT_EQ(ask_anew(authority_), 200);
    std::size_t open = 0;
    EXPECT_TRUE(until([&] {
        open = 0;
        for (Client& client : stalled) {
            client.receive();
            if (!client.closed) ++open;
        }
        return open <= 4;
    })) << open;
}

TEST(TlsIdentityTest, SaysWhatIsWrong) {
    const Authority authority;
    const KeyPair pair = authority.issue();
    EXPECT_TRUE(try_tls_identity({pair.certificate_pem, pair.key_pem}));
    EXPECT_TRUE(try_tls_identity({pair.certificate_pem + authority.pem(), pair.key_pem})) << "with its authority";
    const auto mixed = try_tls_identity({pair.certificate_pem, authority.issue().key_pem});
    ASSERT_FALSE(mixed);
    EXPECT_THAT(mixed.error().message, HasSubstr("http.tls"));
    EXPECT_THAT(mixed.error().message, HasSubstr("do not match"));
}

}  // namespace
}  // namespace leasehold::metrics
