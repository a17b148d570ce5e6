// SPDX-License-Identifier: Apache-2.0
#include "app/version.h"

namespace leasehold::app {

const char* version() { return LEASEHOLD_VERSION; }
const char* revision() { return LEASEHOLD_REVISION; }

}  // namespace leasehold::app
