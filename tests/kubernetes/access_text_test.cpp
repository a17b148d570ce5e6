// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "election/stores/kubernetes/yaml_document.h"
#include "tests/kubernetes/access_support.h"

namespace leasehold::stores::kubernetes {
namespace {

using testing::HasSubstr;

TEST(AccessText, Base64GoesThereAndBack) {
    EXPECT_EQ(encode_base64(""), "");
    EXPECT_EQ(encode_base64("f"), "Zg==");
    EXPECT_EQ(encode_base64("fo"), "Zm8=");
    EXPECT_EQ(encode_base64("foo"), "Zm9v");
    EXPECT_EQ(encode_base64("foob"), "Zm9vYg==");
    EXPECT_EQ(decode_base64("Zm9v\nYg=="), "foob");
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
        bytes += static_cast<char>(i);
    }
    for (const char* wrong : {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "Z-==", "Zg==Zg==", "====", "Zm9\xc3"}) {
        EXPECT_FALSE(decode_base64(wrong)) << wrong;
    }
}

TEST(AccessText, ATokenIsOneWord) {
    EXPECT_EQ(*accept_token("abc\n"), "abc");
    EXPECT_EQ(*accept_token(" abc.DEF-1_2~+/= \r\n"), "abc.DEF-1_2~+/=");
    for (const char* wrong : {"", "\n", "a b", "a\nb", "a\x01", "a\x7f", "t\xc3\xb6ken", "a\r\nHost: x"}) {
        EXPECT_FALSE(accept_token(wrong)) << wrong;
    }
    EXPECT_FALSE(accept_token(std::string("a\0b", 3)));
}

TEST(AccessText, CertificatesMustBeWhole) {
    const std::string two = "a comment\n" + certificate(1) + "\r\n" + certificate(2);
    EXPECT_EQ(*accept_certificates(two), two);
    EXPECT_TRUE(accept_certificates(private_key(1) + certificate(1)));
    EXPECT_FALSE(accept_certificates(""));
    EXPECT_FALSE(accept_certificates(private_key(1)));
    EXPECT_FALSE(accept_certificates("-----BEGIN CERTIFICATE-----\nMAMCAQ\n-----END CERTIFICATE-----\n"));
    EXPECT_FALSE(accept_certificates("-----BEGIN CERTIFICATE-----\nMAQCAQU=\n-----END CERTIFICATE-----\n"));
    // Cut off anywhere inside of a block.
    const std::string second_begins = "-----BEGIN";
    for (std::size_t size = two.rfind(second_begins) + second_begins.size() + 1; size < two.size() - 1; ++size) {
        EXPECT_FALSE(accept_certificates(two.substr(0, size))) << size;
    }
}

TEST(AccessText, KeysMustBeWholeAndOpen) {
    EXPECT_TRUE(accept_private_key(private_key(1)));
    EXPECT_TRUE(accept_private_key(certificate(1) + pem_block("EC PRIVATE KEY", 1)));
    EXPECT_FALSE(accept_private_key(certificate(1)));
    EXPECT_FALSE(accept_private_key(private_key(1).substr(0, 40)));
    EXPECT_THAT(accept_private_key(pem_block("ENCRYPTED PRIVATE KEY", 1)).error().message, HasSubstr("without one"));
    EXPECT_THAT(accept_private_key("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAMCAQU=\n"
                                   "-----END RSA PRIVATE KEY-----\n")
                    .error()
                    .message,
                HasSubstr("encrypted"));
}

TEST(AccessText, ServerUrls) {
    EXPECT_EQ(*accept_server_url("https://[::1]:6443/"), "https://[::1]:6443");
    EXPECT_EQ(*accept_server_url("https://rancher.example/k8s/clusters/c-1//"),
              "https://rancher.example/k8s/clusters/c-1");
    EXPECT_EQ(*accept_server_url("http://localhost:8001"), "http://localhost:8001");
    for (const char* wrong :
         {"", "localhost:8080", "ftp://x", "https://", "https://:443", "https://a b", "https://x:0", "https://x:65536",
          "https://x:", "https://x:8a", "https://x?y", "https://x/#y", "https:///x", "https://[::1", "https://::1",
          "https://u:p@x", "https://x\r\n", "HTTPS://\xc3\xbc"}) {
        EXPECT_FALSE(accept_server_url(wrong)) << wrong;
    }
    EXPECT_THAT(accept_server_url("https://user:s3cret@x").error().message, testing::Not(HasSubstr("s3cret")));
}

TEST(AccessText, ProxyUrls) {
    for (const char* good : {"http://proxy:3128", "https://u:p@proxy", "socks5://[::1]:1080/", "socks5h://x"}) {
        EXPECT_TRUE(check_proxy_url(good)) << good;
    }
    for (const char* wrong : {"proxy:3128", "socks4://x", "http://u:p@", "http://u:p@x:y"}) {
        EXPECT_FALSE(check_proxy_url(wrong)) << wrong;
    }
}

TEST(AccessText, WhatIsShownIsHarmless) {
    EXPECT_EQ(shown("dev"), "dev");
    EXPECT_EQ(shown("a\x1b[1mb\n"), "a?[1mb?");
    EXPECT_EQ(shown("abcdef", 3), "abc...");
}

TEST(AccessText, YamlBecomesTexts) {
    const auto made = parse_yaml_document(
        "a: 0123\nb: yes\nc: ~\nd: ''\nl: [1, *x]\n"
        "extensions: [{name: n, extension: {t: true, i: 7, f: 1.5, s: '7', u: [no, x1, 1.2.3], n: null}}]\n");
    ASSERT_FALSE(made);  // the alias
    EXPECT_THAT(made.error().message, HasSubstr("line 5"));
    const auto good = parse_yaml_document(
        "a: 0123\nb: &x yes\nc: ~\nd: ''\nl: [1, *x]\n"
        "extensions: [{name: n, extension: {t: true, i: 7, f: 1.5, s: '7', u: [no, x1, 1.2.3], n: null}}]\n");
    ASSERT_TRUE(good) << good.error().message;
    EXPECT_EQ(*good, nlohmann::json::parse(R"({"a": "0123", "b": "yes", "c": null, "d": "", "l": ["1", "yes"],
        "extensions": [{"name": "n", "extension":
            {"t": true, "i": 7, "f": 1.5, "s": "7", "u": [false, "x1", "1.2.3"], "n": null}}]})"));
}

TEST(AccessText, YamlIsBounded) {
    EXPECT_TRUE(parse_yaml_document("")->is_null());
    EXPECT_FALSE(parse_yaml_document(std::string(100, '[')));
    EXPECT_FALSE(parse_yaml_document(std::string(100, '[') + std::string(100, ']')));
    EXPECT_FALSE(parse_yaml_document("&a [*a]"));
    EXPECT_FALSE(parse_yaml_document("{[a]: b}"));
    EXPECT_FALSE(parse_yaml_document("a: 'b\n"));  // the end of the file is no closing quote
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        bomb += fmt::format("a{0}: &a{0} [", i);
        for (int j = 0; j < 10; ++j) bomb += fmt::format("*a{}, ", i - 1);
        bomb += "]\n";
    }
    EXPECT_THAT(parse_yaml_document(bomb).error().message, HasSubstr("too much"));
}

}  // namespace
}  // namespace leasehold::stores::kubernetes
