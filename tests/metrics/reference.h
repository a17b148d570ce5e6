// SPDX-License-Identifier: Apache-2.0
//
// docs/metrics.md, made from the catalogue of metrics. Pure.
#pragma once

#include <string>

namespace leasehold::metrics {

std::string reference_page();

}  // namespace leasehold::metrics
