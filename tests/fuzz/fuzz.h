// SPDX-License-Identifier: Apache-2.0
//
// What the fuzzers have in common (tests/fuzz/CMakeLists.txt). Each is one function that takes any bytes and asks the
// code for what it promises of them; a promise that is broken ends the program, and libFuzzer keeps the bytes.
//
// An input begins with one character that says what the rest is, so that one program serves several kinds of text, and
// its corpus can be read: "0{"holderIdentity":...".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace leasehold::fuzz {

// Ends the program, as a crash does, when a promise is broken; says which.
void require(bool kept, const char* promise);

struct Input {
    unsigned kind = 0;  // from 0 on, less than `kinds`
    std::string_view text;
};
Input input_of(const std::uint8_t* data, std::size_t size, unsigned kinds);

// Cuts the text at the first `separator`, and leaves what comes after it in `text`.
std::string_view take_until(std::string_view& text, char separator);

// One line for people: well-formed UTF-8 without control characters.
bool is_line(std::string_view text);

}  // namespace leasehold::fuzz
