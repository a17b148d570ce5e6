// SPDX-License-Identifier: Apache-2.0
//
// Text as the contents of a JSON string (RFC 8259, section 7), whatever bytes it is made of. Fast: for captured output.
#pragma once

#include <string>
#include <string_view>

namespace leasehold {

// Appends `text`, without quotes around it. What is not UTF-8 becomes U+FFFD, a byte each.
void append_json_text(std::string& out, std::string_view text);

}  // namespace leasehold
