// SPDX-License-Identifier: Apache-2.0
//
// FNV-1a, 64 bits: tells an accidental change of a text, and spreads names over numbers. Nobody is kept out by it.
// Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace leasehold::stores {

constexpr std::uint64_t digest(std::string_view text) {
    std::uint64_t sum = 0xcbf29ce484222325;
    for (const char c : text) {
        sum ^= static_cast<unsigned char>(c);
        sum *= 0x100000001b3;
    }
    return sum;
}

}  // namespace leasehold::stores
