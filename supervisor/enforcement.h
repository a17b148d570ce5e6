// SPDX-License-Identifier: Apache-2.0
//
// Whether soft and hard instant are acted upon. Always; the fault suite links another definition into a program of its
// own, which has to be caught (tests/faults/unsafe_enforcement.cpp).
#pragma once

namespace leasehold::supervisor {

bool deadlines_are_enforced();

}  // namespace leasehold::supervisor
