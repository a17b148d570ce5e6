// SPDX-License-Identifier: Apache-2.0
//
// The status page for browsers: one answer without outside resources. Its files are in metrics/page/, where {{...}}
// stands for what is filled in here, from the same object as /status:
//
//   {{path.to.value}}           the value as text; {{...:seconds}}, {{...:time}} and {{...:lines}} in that form
//   {{?path.to.value}}          attributes of an element that is there only when the value says something
//   {{name}}                    what page.cpp makes of it: headline, lists, style, script
//
// The page then keeps itself up to date with /status; without JavaScript it is loaded anew now and then. Pure.
#pragma once

#include <string>

#include "metrics/endpoints.h"

namespace leasehold::metrics {

// `locked`: nothing is shown but what `{"name":...}` says, and where a token can be entered.
std::string status_page(const StatusView& view, bool locked);

// The Content-Security-Policy of that page: its own style and script, and questions to where it came from.
std::string status_page_policy();

}  // namespace leasehold::metrics
