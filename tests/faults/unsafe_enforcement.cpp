// SPDX-License-Identifier: Apache-2.0
//
// Linked into leasehold_unsafe ahead of the room's own: the deliberately broken subject of the fault suite.
#include "supervisor/enforcement.h"

namespace leasehold::supervisor {

bool deadlines_are_enforced() { return false; }

}  // namespace leasehold::supervisor
