// SPDX-License-Identifier: Apache-2.0
//
// http: where the endpoints are served, and what protects them. Part of the description (config/description.h).
#pragma once

#include <vector>

#include "config/description.h"
#include "config/rules.h"

namespace leasehold::config {

std::vector<Section> http_sections();
std::vector<Key> http_keys();

std::vector<RuleProblem> check(const metrics::HttpOptions& http);

}  // namespace leasehold::config
