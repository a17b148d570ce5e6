// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/retry_after.h"
#include "base/whole_number.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace leasehold::stores::http {

std::chrono::seconds retry_after(const Answer& answer, std::chrono::seconds most) {
    if (answer.status != 429 && answer.status != 503) return {};
    const auto found = answer.headers.find("retry-after");
    if (found == answer.headers.end()) return {};
    const auto number = whole_number<std::uint64_t>(found->second);
    if (!number) return {};
    return std::chrono::seconds(std::min(*number, static_cast<std::uint64_t>(most.count())));
}

}  // namespace leasehold::stores::http
