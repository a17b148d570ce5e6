// SPDX-License-Identifier: Apache-2.0
#include "config/text.h"

#include <algorithm>

#include <fmt/core.h>

namespace leasehold::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

unsigned byte_at(std::string_view text, std::size_t offset) {
    return offset < text.size() ? static_cast<unsigned char>(text[offset]) : 0U;
}

bool between(unsigned value, unsigned low, unsigned high) { return low <= value && value <= high; }
bool is_continuation(unsigned byte) { return between(byte, 0x80, 0xbf); }

// The length of the well-formed sequence at `offset`, 0 when there is none.
std::size_t sequence_length(std::string_view text, std::size_t offset) {
    const unsigned first = byte_at(text, offset);
    const unsigned second = byte_at(text, offset + 1);
    if (first < 0x80) return 1;
    if (between(first, 0xc2, 0xdf)) return is_continuation(second) ? 2 : 0;
    std::size_t length = 0;
    if (between(first, 0xe0, 0xef)) {
        // Neither overlong forms (e0) nor surrogates (ed).
        if (between(second, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf)) length = 3;
    } else if (between(first, 0xf0, 0xf4)) {
        // Neither overlong forms (f0) nor anything above U+10FFFF (f4).
        if (between(second, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf)) length = 4;
    }
    for (std::size_t i = 2; i < length; ++i) {
        if (!is_continuation(byte_at(text, offset + i))) return 0;
    }
    return length;
}

Problem problem_at(std::string_view text, std::size_t offset, std::string message) {
    const Place place = Places(text).at(offset);
    return {place.line, place.column, "", std::move(message)};
}

std::optional<std::size_t> first_control_character(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const unsigned byte = byte_at(text, i);
        if (byte == '\t' || byte == '\n' || (byte == '\r' && byte_at(text, i + 1) == '\n')) continue;
        if (byte < 0x20 || byte == 0x7f) return i;
    }
    return std::nullopt;
}

std::string control_character_message(unsigned byte) {
    if (byte == 0) return "the file holds a NUL byte; it is not a text file, or its text is not UTF-8";
    if (byte == '\r') return "a carriage return stands alone; end lines with a line feed";
    return fmt::format("the file holds the control character 0x{:02x}; remove it, or write \"\\x{:02x}\" in a value",
                       byte, byte);
}

}  // namespace

std::optional<std::size_t> first_malformed(std::string_view text) {
    for (std::size_t offset = 0; offset < text.size();) {
        const std::size_t length = sequence_length(text, offset);
        if (length == 0) return offset;
        offset += length;
    }
    return std::nullopt;
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return !is_continuation(static_cast<unsigned char>(c)); }));
}

bool has_control_character(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const unsigned byte = byte_at(text, i);
        if (byte < 0x20 || byte == 0x7f) return true;
        if (byte == 0xc2 && between(byte_at(text, i + 1), 0x80, 0x9f)) return true;
    }
    return false;
}

std::optional<Problem> check_text(std::string_view text) {
    if (text.size() > kMaxFileSize) {
        return Problem{0, 0, "", "the file is larger than 1 MiB; that is not a configuration of leasehold"};
    }
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
        return Problem{1, 1, "", "the file is UTF-16, not UTF-8; save it as UTF-8"};
    }
    if (const auto offset = first_malformed(text)) {
        return problem_at(
            text, *offset,
            fmt::format("the file is not UTF-8: byte 0x{:02x} at offset {} does not fit; save it as UTF-8",
                        byte_at(text, *offset), *offset));
    }
    if (const auto offset = first_control_character(text)) {
        return problem_at(text, *offset, control_character_message(byte_at(text, *offset)));
    }
    return std::nullopt;
}

std::string_view without_byte_order_mark(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    return text;
}

Place Places::at(std::size_t offset) {
    offset = std::min(offset, text_.size());
    for (; offset_ < offset; ++offset_) {
        if (text_[offset_] == '\n') {
            place_ = {place_.line + 1, 1};
        } else if (!is_continuation(static_cast<unsigned char>(text_[offset_]))) {
            ++place_.column;
        }
    }
    return place_;
}

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = std::max<std::size_t>(1, sequence_length(text, 0));
        const std::string_view character = text.substr(0, length);
        if (character == "\n") {
            out += "\\n";
        } else if (has_control_character(character) || first_malformed(character)) {
            for (std::size_t i = 0; i < length; ++i) out += fmt::format("\\x{:02x}", byte_at(text, i));
        } else {
            out += character;
        }
        text.remove_prefix(length);
    }
    return out;
}

std::string shown(std::string_view value) {
    constexpr std::size_t kLongest = 60;
    std::size_t end = std::min(value.size(), kLongest);
    while (end < value.size() && is_continuation(byte_at(value, end))) ++end;
    return '\'' + printable(value.substr(0, end)) + (end < value.size() ? "...'" : "'");
}

}  // namespace leasehold::config
