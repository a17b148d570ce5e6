// SPDX-License-Identifier: Apache-2.0
#include "app/main/libraries.h"

namespace leasehold::app {

// They are loaded when they are needed (base/dynamic_library.h).
void prepare_libraries() {}

}  // namespace leasehold::app
