// SPDX-License-Identifier: Apache-2.0
//
// The state of a candidate as a page for a terminal, from what /status tells: who leads, why not this one, what of the
// workload, and what was decided last. Made to be understood by somebody who was woken up.
//
// Pure. Whatever is missing or of another kind is left out.
#pragma once

#include <string>

#include "app/control_protocol.h"

namespace leasehold::app {

// `now`: Unix time in seconds.
std::string status_text(const Json& status, double now);

}  // namespace leasehold::app
