// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/go_json.h"

#include <cstddef>
#include <cstdint>

#include <fmt/core.h>

namespace leasehold::stores::kubernetes {
namespace {

// How many bytes the UTF-8 sequence at the beginning of a text has that is not empty; 0 when there is none (Unicode 15,
// table 3-7: no surrogates, nothing longer than need be, nothing above U+10FFFF).
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    std::size_t length = 0;
    unsigned char least = 0x80, most = 0xbf;  // of the second byte
    if (first >= 0xc2 && first <= 0xdf) length = 2;
    if (first >= 0xe0 && first <= 0xef) length = 3;
    if (first >= 0xf0 && first <= 0xf4) length = 4;
    if (first == 0xe0) least = 0xa0;
    if (first == 0xed) most = 0x9f;
    if (first == 0xf0) least = 0x90;
    if (first == 0xf4) most = 0x8f;
    if (length == 0 || text.size() < length || byte(1) < least || byte(1) > most) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    return length;
}

// Takes the text apart into its sequences; an empty one stands for a byte that belongs to none.
template <class Take>
void for_each_sequence(std::string_view text, const Take& take) {
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        take(text.substr(0, length));
        text.remove_prefix(length == 0 ? 1 : length);
    }
}

std::string escaped(std::string_view sequence) {
    if (sequence.empty()) return "\\ufffd";
    if (sequence == "\xe2\x80\xa8") return "\\u2028";
    if (sequence == "\xe2\x80\xa9") return "\\u2029";
    const char c = sequence.front();
    switch (c) {
        case '"': return "\\\"";
        case '\\': return "\\\\";
        case '\n': return "\\n";
        case '\r': return "\\r";
        case '\t': return "\\t";
        default: break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '<' || c == '>' || c == '&') return fmt::format("\\u{:04x}", byte);
    return std::string(sequence);
}

}  // namespace

std::string valid_utf8(std::string_view text) {
    std::string valid;
    for_each_sequence(text, [&](std::string_view each) { valid += each.empty() ? "\xef\xbf\xbd" : each; });
    return valid;
}

std::string go_json_string(std::string_view text) {
    std::string quoted = "\"";
    for_each_sequence(text, [&](std::string_view each) { quoted += escaped(each); });
    return quoted + '"';
}

}  // namespace leasehold::stores::kubernetes
