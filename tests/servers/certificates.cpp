// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/certificates.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace leasehold::servers {

void must(bool done, const char* what) {
    if (done) return;
    std::fprintf(stderr, "OpenSSL cannot %s\n", what);
    ERR_print_errors_fp(stderr);
    std::abort();
}

namespace {

std::shared_ptr<EVP_PKEY> new_key() {
    std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    must(key != nullptr, "make a key");
    return key;
}

template <class Write>
std::string to_pem(Write write) {
    const std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new(BIO_s_mem()), BIO_free);
    must(memory != nullptr && write(memory.get()) == 1, "write PEM");
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string certificate_pem(X509* certificate) {
    return to_pem([&](BIO* into) { return PEM_write_bio_X509(into, certificate); });
}

std::shared_ptr<EVP_PKEY> read_key(const std::string& pem) {
    const std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                     BIO_free);
    std::shared_ptr<EVP_PKEY> read(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    must(read != nullptr, "read a key");
    return read;
}

void add_to_subject(X509* certificate, const char* field, const std::string& value) {
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1,
         "name a certificate");
}

void extend(X509* certificate, X509* issuer, int extension, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
    must(made != nullptr && X509_add_ext(certificate, made, -1) == 1, "extend a certificate");
    X509_EXTENSION_free(made);
}

// A certificate for `key` with everything but extensions and the signature.
std::shared_ptr<X509> blank(EVP_PKEY* key, const CertificateWish& wish) {
    static std::atomic<long> serial{1};
    std::shared_ptr<X509> certificate(X509_new(), X509_free);
    X509* const raw = certificate.get();
    must(raw != nullptr && X509_set_version(raw, X509_VERSION_3) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(raw), serial++) == 1 && X509_set_pubkey(raw, key) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(raw), static_cast<long>(wish.begins.count())) != nullptr &&
             X509_gmtime_adj(X509_getm_notAfter(raw), static_cast<long>(wish.ends.count())) != nullptr,
         "make a certificate");
    for (const std::string& organization : wish.organizations) add_to_subject(raw, "O", organization);
    add_to_subject(raw, "CN", wish.common_name);
    return certificate;
}

}  // namespace

Authority::Authority(const std::string& common_name) : key_(new_key()) {
    CertificateWish wish;
    wish.common_name = common_name;
    certificate_ = blank(key_.get(), wish);
    X509* const raw = certificate_.get();
    must(X509_set_issuer_name(raw, X509_get_subject_name(raw)) == 1, "name an issuer");
    extend(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
    extend(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(raw, raw, NID_subject_key_identifier, "hash");
    must(X509_sign(raw, key_.get(), EVP_sha256()) > 0, "sign a certificate");
    pem_ = certificate_pem(raw);
}

KeyPair Authority::issue(const CertificateWish& wish) const {
    const auto key = new_key();
    const auto certificate = blank(key.get(), wish);
    X509* const raw = certificate.get();
    must(X509_set_issuer_name(raw, X509_get_subject_name(certificate_.get())) == 1, "name an issuer");
    extend(raw, certificate_.get(), NID_basic_constraints, "critical,CA:FALSE");
    extend(raw, certificate_.get(), NID_key_usage, "critical,digitalSignature");
    extend(raw, certificate_.get(), NID_ext_key_usage, "serverAuth,clientAuth");
    extend(raw, certificate_.get(), NID_authority_key_identifier, "keyid");
    std::string names;
    for (const std::string& name : wish.names) names += (names.empty() ? "" : ",") + name;
    if (!names.empty()) extend(raw, certificate_.get(), NID_subject_alt_name, names);
    must(X509_sign(raw, key_.get(), EVP_sha256()) > 0, "sign a certificate");
    return {certificate_pem(raw), to_pem([&](BIO* into) {
                return PEM_write_bio_PKCS8PrivateKey(into, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
}

std::string encrypted_key(const std::string& key_pem, const std::string& password) {
    const auto key = read_key(key_pem);
    return to_pem([&](BIO* into) {
        return PEM_write_bio_PKCS8PrivateKey(into, key.get(), EVP_aes_128_cbc(), password.data(),
                                             static_cast<int>(password.size()), nullptr, nullptr);
    });
}

}  // namespace leasehold::servers
