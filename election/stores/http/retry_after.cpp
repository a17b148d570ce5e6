// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/retry_after.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace leasehold::stores::http {

std::chrono::seconds retry_after(const Answer& answer, std::chrono::seconds most) {
    if (answer.status != 429 && answer.status != 503) return {};
    const auto found = answer.headers.find("retry-after");
    if (found == answer.headers.end()) return {};
    const std::string& text = found->second;
    std::uint64_t number = 0;
    const auto [next, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || next != text.data() + text.size()) return {};
    return std::chrono::seconds(std::min(number, static_cast<std::uint64_t>(most.count())));
}

}  // namespace leasehold::stores::http
