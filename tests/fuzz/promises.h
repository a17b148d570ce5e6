// SPDX-License-Identifier: Apache-2.0
//
// What holds of a state of the register, wherever it was read.
#pragma once

#include <string_view>

#include "election/core/register.h"

namespace leasehold::fuzz {

// What cannot be understood is held and never free; what is present has a holder or was released; and an election that
// is told of it, now and again for a whole day, only ever tries to take it when that is allowed.
void check_snapshot(const election::Snapshot& snapshot);

// The same of a record's JSON, whose release mark is looked for by other means than the reader's own: only what bears
// it is free, and what is no record is held.
void check_record_text(std::string_view text, const election::Snapshot& snapshot);

}  // namespace leasehold::fuzz
