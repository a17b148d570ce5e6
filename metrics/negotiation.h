// SPDX-License-Identifier: Apache-2.0
//
// What a client prefers, from its Accept and Accept-Encoding headers (RFC 9110, 12.5), and whether it bears a token
// (RFC 6750, 2.1). Malformed headers count as far as they can be read. Pure.
#pragma once

#include <string_view>

namespace leasehold::metrics {

// Whether a page is wanted rather than JSON, as by browsers. Wildcards alone ask for neither: those get JSON, as all
// clients did before there was a page.
bool prefers_html(std::string_view accept);

// Whether an answer may be compressed: gzip is named with a quality, or covered by *, and identity has not a higher.
bool accepts_gzip(std::string_view accept_encoding);

// Whether an Authorization header holds this token, in a time that does not depend on how much of it is right.
// REQUIRES: the token is not empty.
bool bears(std::string_view authorization, std::string_view token);

}  // namespace leasehold::metrics
