// SPDX-License-Identifier: Apache-2.0
//
// The file as characters: what may be in it at all, where in it something stands, and how a value is shown in a
// message. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace leasehold::config {

// A file that is larger is something else than a configuration.
constexpr std::size_t kMaxFileSize = std::size_t{1} << 20;

// Counted from 1, columns in characters rather than bytes, as editors do.
struct Place {
    int line = 1;
    int column = 1;

    friend bool operator==(const Place&, const Place&) = default;
};

// The offset of the first byte that does not belong to well-formed UTF-8 (Unicode 15, table 3-7).
std::optional<std::size_t> first_malformed(std::string_view text);

// How many characters well-formed UTF-8 holds.
std::size_t characters(std::string_view text);

// True for what would garble a line of output: C0 and C1 controls, and DEL.
bool has_control_character(std::string_view text);

// The first reason why `text` cannot be read as YAML, whatever it says: too large, not UTF-8, control characters. The
// YAML parser would take the byte 0x04 for the end of the file, and guess at other encodings.
std::optional<Problem> check_text(std::string_view text);

// Without the byte order mark that some editors write.
std::string_view without_byte_order_mark(std::string_view text);

// Turns ascending byte offsets into places, in one pass over `text`, which must outlive it.
class Places {
public:
    explicit Places(std::string_view text) : text_(text) {}

    // REQUIRES: `offset` is not less than the one before.
    Place at(std::size_t offset);

private:
    std::string_view text_;
    std::size_t offset_ = 0;
    Place place_{1, 1};
};

// Text for a message, on one line whatever it holds: two\nlines.
std::string printable(std::string_view text);

// The same for a value, in quotes and not too long. REQUIRES: well-formed UTF-8.
std::string shown(std::string_view value);

}  // namespace leasehold::config
