// SPDX-License-Identifier: Apache-2.0
#include "config/quoting.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/core.h>

#include "config/text.h"

namespace leasehold::config {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// What some reader takes for a truth or for nothing.
bool is_reserved(std::string_view text) {
    static constexpr std::array<std::string_view, 9> kWords = {"y",   "n",    "yes",   "no",  "on",
                                                               "off", "true", "false", "null"};
    return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
        return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                          [](char a, char b) { return (a | 0x20) == b; });
    });
}

// Begins as a word, a path or an option does, not as a number or an indicator, and holds nothing that could be one.
bool is_plain(std::string_view text) {
    constexpr std::string_view kHarmless = "0123456789_-./+";
    const std::size_t dashes = std::min(text.find_first_not_of('-'), text.size());
    if (dashes > 2 || is_reserved(text)) return false;
    const std::string_view word = text.substr(dashes);
    if (word.empty() || !(is_letter(word.front()) || (dashes == 0 && word.front() == '/'))) return false;
    return std::all_of(word.begin(), word.end(),
                       [&](char c) { return is_letter(c) || kHarmless.find(c) != std::string_view::npos; });
}

// The code point of the two- or three-byte sequence at the front of `text`; 0 for anything else.
std::uint32_t code_point(std::string_view text) {
    const auto bits = [&](std::size_t i) { return static_cast<std::uint32_t>(text[i] & 0x3f); };
    const unsigned first = static_cast<unsigned char>(text.front());
    if (first >= 0xc2 && first <= 0xdf) return (first & 0x1fU) << 6 | bits(1);
    if (first >= 0xe0 && first <= 0xef) return (first & 0x0fU) << 12 | bits(1) << 6 | bits(2);
    return 0;
}

// Neither printable in YAML nor free of meaning in it: C1 controls, line and paragraph separator, byte order mark.
bool needs_escape(std::uint32_t code) {
    return (code >= 0x80 && code <= 0x9f) || code == 0x2028 || code == 0x2029 || code == 0xfeff || code == 0xfffe ||
           code == 0xffff;
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
    if (is_plain(text)) return std::string(text);
    std::string out = "\"";
    while (!text.empty()) {
        const char c = text.front();
        const std::uint32_t code = code_point(text);
        std::size_t length = 1;
        if (needs_escape(code)) {
            out += fmt::format("\\u{:04x}", code);
            length = code < 0x800 ? 2 : 3;
        } else if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out += fmt::format("\\x{:02x}", static_cast<int>(c));
        } else {
            out += c;
        }
        text.remove_prefix(length);
    }
    return out + '"';
}

}  // namespace leasehold::config
