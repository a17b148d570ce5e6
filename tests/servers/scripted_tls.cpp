// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/scripted_tls.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace leasehold::servers {
namespace {

template <class Kind, void (*kFree)(Kind*), class Read>
std::shared_ptr<Kind> read(const std::string& pem, Read read_from) {
    const std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                     BIO_free);
    std::shared_ptr<Kind> made(read_from(memory.get(), nullptr, nullptr, nullptr), kFree);
    must(made != nullptr, "read PEM");
    return made;
}

}  // namespace

std::shared_ptr<ssl_ctx_st> make_tls_context(const TlsOptions& options) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    SSL_CTX* const raw = context.get();
    must(raw != nullptr, "make a context");
    const auto certificate = read<X509, X509_free>(options.certificate.certificate_pem, PEM_read_bio_X509);
    const auto key = read<EVP_PKEY, EVP_PKEY_free>(options.certificate.key_pem, PEM_read_bio_PrivateKey);
    must(SSL_CTX_use_certificate(raw, certificate.get()) == 1 && SSL_CTX_use_PrivateKey(raw, key.get()) == 1,
         "use the server's certificate");
    // Without one, sessions of clients with certificates are refused instead of resumed
    // (SSL_CTX_set_session_id_context(3)).
    constexpr unsigned char kSessions[] = "scripted";
    must(SSL_CTX_set_session_id_context(raw, kSessions, sizeof kSessions) == 1, "name its sessions");
    if (!options.client_ca_pem.empty()) {
        const auto trusted = read<X509, X509_free>(options.client_ca_pem, PEM_read_bio_X509);
        must(X509_STORE_add_cert(SSL_CTX_get_cert_store(raw), trusted.get()) == 1 &&
                 SSL_CTX_add_client_CA(raw, trusted.get()) == 1,
             "trust the CA of the clients");
        const int required = options.client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
        SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | required, nullptr);
    }
    return context;
}

}  // namespace leasehold::servers
