// SPDX-License-Identifier: Apache-2.0
#include "fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "config/text.h"

namespace leasehold::fuzz {

void require(bool kept, const char* promise) {
    if (kept) return;
    std::fprintf(stderr, "BROKEN PROMISE: %s\n", promise);
    std::abort();
}

Input input_of(const std::uint8_t* data, std::size_t size, unsigned kinds) {
    if (size == 0) return {};
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    return {(static_cast<unsigned char>(all.front()) - unsigned{'0'}) % kinds, all.substr(1)};
}

std::string_view take_until(std::string_view& text, char separator) {
    const std::string_view taken = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(text.size(), taken.size() + 1));
    return taken;
}

bool is_line(std::string_view text) { return !config::first_malformed(text) && !config::has_control_character(text); }

}  // namespace leasehold::fuzz
