// SPDX-License-Identifier: Apache-2.0
//
// Certificates made on the spot, for servers of the tests and their clients: right ones, and wrong ones on request.
// Keys are on the curve P-256. What cannot be made ends the test program with a message.
//
// Threads: any; an Authority may be used by several at once.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace leasehold::servers {

struct KeyPair {  // both PEM texts
    std::string certificate_pem;
    std::string key_pem;
};

struct CertificateWish {
    std::string common_name = "a test";
    std::vector<std::string> organizations;  // Kubernetes takes them as groups, and the common name as the user
    std::vector<std::string> names = {"IP:127.0.0.1", "IP:127.0.0.2", "IP:::1", "DNS:localhost"};
    std::chrono::seconds begins = -std::chrono::hours(1);  // from now
    std::chrono::seconds ends = std::chrono::hours(24);    // from now; in the past for one that has expired
};

// A CA with a certificate of its own, which it has signed itself.
class Authority {
public:
    explicit Authority(const std::string& common_name = "the tests' CA");

    const std::string& pem() const { return pem_; }
    KeyPair issue(const CertificateWish& wish = {}) const;  // good for servers and clients

private:
    std::shared_ptr<evp_pkey_st> key_;
    std::shared_ptr<x509_st> certificate_;
    std::string pem_;
};

// Ends the program, with OpenSSL's errors, when it could not do something that a test needs.
void must(bool done, const char* what);

// The same private key, encrypted.
std::string encrypted_key(const std::string& key_pem, const std::string& password);

}  // namespace leasehold::servers
