// SPDX-License-Identifier: Apache-2.0
//
// The files of the status page, as they stand in metrics/page/; embed.cmake makes the definitions of them.
#pragma once

#include <string_view>

namespace leasehold::metrics::page_files {

extern const std::string_view html;  // with {{...}} where something is filled in (metrics/page.h)
extern const std::string_view css;
extern const std::string_view js;

// "sha256-<base64>", as a Content-Security-Policy has it.
extern const std::string_view html_digest;
extern const std::string_view css_digest;
extern const std::string_view js_digest;

}  // namespace leasehold::metrics::page_files
