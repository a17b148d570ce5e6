// SPDX-License-Identifier: Apache-2.0
#include "election/stores/secret_text.h"
#include "base/whole_number.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace leasehold::stores {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBlanks = " \t\r\n\v\f";

bool is_graphic(char c) { return c > ' ' && c <= '~'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c); }

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Whether the bytes are one ASN.1 SEQUENCE (X.690, 8.1) that ends where they do, as certificates and keys are.
bool is_whole_sequence(std::string_view der) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(der[at]); };
    if (der.size() < 2 || byte(0) != 0x30) return false;
    if (byte(1) < 0x80) return der.size() == 2U + byte(1);
    const std::size_t count = byte(1) & 0x7fU;
    if (count == 0 || count > 4 || der.size() < 2 + count) return false;
    std::size_t length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | byte(2 + i);
    return der.size() == 2 + count + length;
}

struct PemBlock {
    std::string_view label;  // "CERTIFICATE"
    std::string_view body;
};

// The next block from `at` on, which is moved behind it. An incomplete one has no body and ends the text.
std::optional<PemBlock> next_block(std::string_view text, std::size_t& at) {
    constexpr std::string_view kBegin = "-----BEGIN ";
    constexpr std::string_view kDashes = "-----";
    const std::size_t begin = text.find(kBegin, at);
    if (begin == std::string_view::npos) return std::nullopt;
    at = text.size();
    const std::size_t label_at = begin + kBegin.size();
    const std::size_t label_end = text.find(kDashes, label_at);
    if (label_end == std::string_view::npos) return PemBlock{};
    const std::string_view label = text.substr(label_at, label_end - label_at);
    const std::size_t body = label_end + kDashes.size();
    const std::string closing = "-----END " + std::string(label) + "-----";
    const std::size_t end = text.find(closing, body);
    if (end == std::string_view::npos) return PemBlock{label, {}};
    at = end + closing.size();
    return PemBlock{label, text.substr(body, end - body)};
}

struct SplitUrl {
    std::string_view scheme;
    std::string_view user_info;
    std::string_view host;
    std::string_view port;  // empty: none
    std::string_view rest;  // path, query, fragment
};

bool is_host(std::string_view host) {
    if (host.starts_with('[')) {
        return host.size() > 2 && host.ends_with(']') &&
               host.find_first_not_of("0123456789abcdefABCDEF:.%", 1) == host.size() - 1;
    }
    return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
    });
}

bool is_port(std::string_view port) {
    const auto number = whole_number<unsigned int>(port);
    return number && *number > 0 && *number < 65536;
}

Result<SplitUrl> split_url(std::string_view url) {
    if (!std::all_of(url.begin(), url.end(), is_graphic)) return failure("holds blanks, or what is not ASCII");
    SplitUrl split;
    const std::size_t colon = url.find("://");
    if (colon == std::string_view::npos) return failure("has no scheme; write it as https://host:port");
    split.scheme = url.substr(0, colon);
    url.remove_prefix(colon + 3);
    const std::size_t slash = url.find_first_of("/?#");
    std::string_view authority = url.substr(0, slash);
    if (slash != std::string_view::npos) split.rest = url.substr(slash);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        split.user_info = authority.substr(0, at);
        authority.remove_prefix(at + 1);
    }
    const std::size_t port = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
    split.host = authority.substr(0, port);
    if (!is_host(split.host)) return failure("names no host; write it as https://host:port, an IPv6 address in [...]");
    if (port != std::string_view::npos) {
        split.port = authority.substr(port + 1);
        if (!is_port(split.port)) return failure("has a port that is no number from 1 to 65535");
    }
    return split;
}

}  // namespace

std::string shown(std::string_view text, std::size_t most) {
    std::string printable(text.substr(0, most));
    for (char& c : printable) {
        if (c != ' ' && !is_graphic(c)) c = '?';
    }
    return text.size() > most ? printable + "..." : printable;
}

std::optional<std::string> decode_base64(std::string_view text) {
    std::string bytes;
    std::uint32_t bits = 0;
    std::size_t digits = 0;
    std::size_t padding = 0;
    for (const char c : text) {
        if (kBlanks.find(c) != std::string_view::npos) continue;
        if (c == '=') {
            ++padding;
            continue;
        }
        const std::size_t value = kAlphabet.find(c);
        if (value == std::string_view::npos || padding > 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        ++digits;
        if (digits % 4 == 0) {
            for (const int shift : {16, 8, 0}) bytes += static_cast<char>(bits >> shift & 0xff);
        }
    }
    if ((digits + padding) % 4 != 0 || padding > 2) return std::nullopt;
    if (digits % 4 >= 2) bytes += static_cast<char>(bits >> (digits % 4 == 2 ? 4 : 10) & 0xff);
    if (digits % 4 == 3) bytes += static_cast<char>(bits >> 2 & 0xff);
    return bytes;
}

std::string encode_base64(std::string_view bytes) {
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t bits = 0;
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        for (std::size_t i = 0; i < 3; ++i) {
            bits = bits << 8 | (i < count ? static_cast<std::uint8_t>(bytes[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) text += i <= count ? kAlphabet[bits >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

Result<std::string> accept_token(const std::string& text) {
    const std::string_view token = trimmed(text);
    if (token.empty()) return failure("is empty");
    if (!std::all_of(token.begin(), token.end(), is_graphic)) {
        return failure("is no token: there are blanks, control characters or other than ASCII in it");
    }
    return std::string(token);
}

Result<std::string> accept_certificates(const std::string& text) {
    std::size_t count = 0;
    std::size_t at = 0;
    while (const auto block = next_block(text, at)) {
        if (block->label.empty()) return failure("ends in the middle of a certificate");
        if (block->label != "CERTIFICATE") continue;
        if (block->body.empty()) return failure("ends in the middle of a certificate");
        const auto der = decode_base64(block->body);
        if (!der || !is_whole_sequence(*der)) return failure("holds a certificate that is damaged");
        ++count;
    }
    if (count == 0) return failure("holds no certificate (-----BEGIN CERTIFICATE-----)");
    return text;
}

Result<std::string> accept_private_key(const std::string& text) {
    std::size_t at = 0;
    while (const auto block = next_block(text, at)) {
        if (!block->label.ends_with("PRIVATE KEY")) continue;
        if (block->body.empty()) return failure("ends in the middle of a private key");
        if (block->label.starts_with("ENCRYPTED") || block->body.find("ENCRYPTED") != std::string_view::npos) {
            return failure("is encrypted with a password, which nobody is here to type; store the key without one");
        }
        const auto der = decode_base64(block->body);
        if (!der || !is_whole_sequence(*der)) return failure("holds a private key that is damaged");
        return text;
    }
    return failure("holds no private key (-----BEGIN PRIVATE KEY-----)");
}

Result<std::string> accept_server_url(const std::string& url) {
    const auto split = split_url(url);
    if (!split) return tl::unexpected<Error>(split.error());
    if (split->scheme != "https" && split->scheme != "http") return failure("must begin with https:// or http://");
    if (!split->user_info.empty()) return failure("holds credentials; they belong into the user's entry");
    if (split->rest.find_first_of("?#") != std::string_view::npos) return failure("must end with the path");
    return url.substr(0, url.find_last_not_of('/') + 1);
}

Result<void> check_proxy_url(const std::string& url) {
    const auto split = split_url(url);
    if (!split) return tl::unexpected<Error>(split.error());
    constexpr std::array<std::string_view, 4> kSchemes{"http", "https", "socks5", "socks5h"};
    if (std::find(kSchemes.begin(), kSchemes.end(), split->scheme) == kSchemes.end()) {
        return failure("must begin with http://, https:// or socks5://");
    }
    return {};
}

bool is_dns_label(std::string_view name) {
    if (name.empty() || name.size() > 63 || name.starts_with('-') || name.ends_with('-')) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; });
}

}  // namespace leasehold::stores
