// SPDX-License-Identifier: Apache-2.0
//
// gzip (RFC 1952) for answers. Threads: any. Blocking: computes; some 0.2 ms for what /metrics answers, because speed
// goes before size here: it is done between two looks at the election.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leasehold::metrics {

// Nothing when it cannot be done, which is when memory has run out.
std::optional<std::string> gzip(std::string_view text);

}  // namespace leasehold::metrics
