// SPDX-License-Identifier: Apache-2.0
//
// What tokens, certificates, keys and URLs must look like before they are used, and what of a text may be printed.
// Error messages never hold what was looked at; they complete a sentence that begins with its name ("<file> ...").
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leasehold::stores {

// For messages: control characters and what is not ASCII as '?', and the end cut off when it is long.
std::string shown(std::string_view text, std::size_t most = 120);

// Blanks and line feeds anywhere are skipped. Nothing when it is not base64.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

// The token without white space around it.
Result<std::string> accept_token(const std::string& text);

// The text, if it holds at least one certificate and every one that begins is complete, as far as its own length says.
Result<std::string> accept_certificates(const std::string& text);

// The text, if it holds a complete private key that is not encrypted.
Result<std::string> accept_private_key(const std::string& text);

// "https://host:port/path", without a slash at the end.
Result<std::string> accept_server_url(const std::string& url);

// http, https, socks5 or socks5h, with or without credentials.
Result<void> check_proxy_url(const std::string& url);

// A namespace is a DNS label (RFC 1123).
bool is_dns_label(std::string_view name);

}  // namespace leasehold::stores
