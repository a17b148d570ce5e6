// SPDX-License-Identifier: Apache-2.0
//
// An HTTP answer of a store's server, as its client hands it on.
#pragma once

#include <string_view>

#include "election/stores/http/client.h"

namespace leasehold::fuzz {

// "STATUS\nname:value\nname:value\n\nBODY".
stores::http::Answer answer_of(std::string_view text);

// A label can be a metric's, and what is said to people is one line that ends.
void check_explanation(const std::string& label, const std::string& detail);

}  // namespace leasehold::fuzz
