// SPDX-License-Identifier: Apache-2.0
#include "election/core/record.h"

#include <array>
#include <charconv>

namespace leasehold::election {

std::string WriteId::text() const {
    return std::to_string(term) + '.' + std::to_string(agent) + '.' + std::to_string(attempt);
}

std::optional<WriteId> WriteId::parse(std::string_view text) {
    std::array<std::uint64_t, 3> parts{};
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
        const auto [next, error] = std::from_chars(at, end, parts[i]);
        if (error != std::errc()) return std::nullopt;
        at = next;
    }
    if (at != end) return std::nullopt;
    return WriteId{parts[0], parts[1], parts[2]};
}

}  // namespace leasehold::election
