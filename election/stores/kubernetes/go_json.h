// SPDX-License-Identifier: Apache-2.0
//
// Text as Go's encoding/json writes it, for what has to look as if client-go had written it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace leasehold::stores::kubernetes {

// The text with U+FFFD in place of every byte that belongs to no UTF-8 sequence, one for each, as a Go program that
// ranges over the text sees it. JSON can carry no others.
std::string valid_utf8(std::string_view text);

// A JSON string with its quotes. Escaped are, besides what must be: '<', '>', '&', U+2028 and U+2029 (Go,
// encoding/json, Marshal), and bytes that are not UTF-8, as \ufffd. Backspace and form feed are \u0008 and \u000c, as
// before Go 1.22.
std::string go_json_string(std::string_view text);

}  // namespace leasehold::stores::kubernetes
