// SPDX-License-Identifier: Apache-2.0
//
// Asks a store whether a run could read and write its record, and changes nothing.
#pragma once

#include "config/options.h"

namespace leasehold::app {

// Prints what it finds, and complains. Blocking, up to half a minute. An exit status.
int probe_register(const config::Options& options);

}  // namespace leasehold::app
