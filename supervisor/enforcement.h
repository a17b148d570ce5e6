// SPDX-License-Identifier: Apache-2.0
//
// Always true. A function of its own so that the fault suite can link a leasehold that does not enforce its deadlines
// (tests/faults/unsafe_enforcement.cpp): a test that cannot see such a one run twice would prove nothing.
#pragma once

namespace leasehold::supervisor {

bool deadlines_are_enforced();

}  // namespace leasehold::supervisor
