// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace leasehold::app {

const char* version();   // "0.1.0"
const char* revision();  // of the source, or "unknown"

}  // namespace leasehold::app
