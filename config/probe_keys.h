// SPDX-License-Identifier: Apache-2.0
//
// workload.ready, workload.health and workload.candidacy: whether the workload can serve, whether it is well, and
// whether this candidate may contend. Part of the description (config/description.h).
#pragma once

#include <vector>

#include "config/description.h"
#include "config/rules.h"

namespace leasehold::config {

std::vector<Section> probe_sections();
std::vector<Key> probe_keys();

std::vector<RuleProblem> check_probes(const supervisor::WorkloadOptions& workload);

// Forms of these keys alone.
Form<std::string> probe_url_form();                 // "http://127.0.0.1:8080/health?full", without a fragment
Form<std::string> probe_address_form();             // "127.0.0.1:5432", "[::1]:5432", "localhost:5432"
Form<supervisor::StatusRange> status_range_form();  // "200-399", "204"

}  // namespace leasehold::config
