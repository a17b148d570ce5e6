// SPDX-License-Identifier: Apache-2.0
//
// Text that is one whole number and nothing else. Plain.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace leasehold {

// Digits, for a signed type behind a minus perhaps; no blanks, no plus, nothing left over. Nothing when it is no
// number, or none that the type can hold. Leading zeros are no matter: who minds them looks.
template <class Number>
std::optional<Number> whole_number(std::string_view text, int base = 10) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto [next, problem] = std::from_chars(text.data(), end, number, base);
    if (problem != std::errc() || next != end) return std::nullopt;
    return number;
}

}  // namespace leasehold
