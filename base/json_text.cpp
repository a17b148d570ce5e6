// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"

#include <array>
#include <cstddef>

namespace leasehold {
namespace {

using Byte = unsigned char;

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// What stands for itself: ASCII but for control characters, quotes and backslashes.
constexpr std::array<bool, 256> kPlain = [] {
    std::array<bool, 256> plain{};
    for (std::size_t byte = 0x20; byte < 0x80; ++byte) plain[byte] = byte != '"' && byte != '\\';
    return plain;
}();

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_escaped(std::string& out, char c) {
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    out += "\\u00";
    out += kHexDigits[static_cast<Byte>(c) >> 4];
    out += kHexDigits[static_cast<Byte>(c) & 0xf];
}

// The length of the character that begins here; 0 when it is none. The Unicode Standard, table 3-7.
std::size_t character_at(std::string_view text) {
    const auto in = [text](std::size_t at, int least, int most) {
        return at < text.size() && static_cast<Byte>(text[at]) >= least && static_cast<Byte>(text[at]) <= most;
    };
    const int first = static_cast<Byte>(text.front());
    if (first >= 0xc2 && first <= 0xdf) return in(1, 0x80, 0xbf) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const int least = first == 0xe0 ? 0xa0 : 0x80;
        const int most = first == 0xed ? 0x9f : 0xbf;  // no halves of surrogate pairs
        return in(1, least, most) && in(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const int least = first == 0xf0 ? 0x90 : 0x80;
        const int most = first == 0xf4 ? 0x8f : 0xbf;
        return in(1, least, most) && in(2, 0x80, 0xbf) && in(3, 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && kPlain[static_cast<Byte>(text[plain])]) ++plain;
        out.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (text.empty()) return;
        if (static_cast<Byte>(text.front()) < 0x80) {
            append_escaped(out, text.front());
            text.remove_prefix(1);
        } else if (const std::size_t length = character_at(text); length > 0) {
            out.append(text.substr(0, length));
            text.remove_prefix(length);
        } else {
            out += kReplacement;
            text.remove_prefix(1);
        }
    }
}

}  // namespace leasehold
