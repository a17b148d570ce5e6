// SPDX-License-Identifier: Apache-2.0
//
// Reading small files that people give.
#pragma once

#include <string>

#include "base/result.h"

namespace leasehold::config {

// Blocks only as reading a local file does, never for somebody else: of what is no regular file nothing is read. Not
// much more than the largest configuration (config/text.h) is taken; the caller refuses that. The errors go on with a
// sentence: "cannot be read: ...".
Result<std::string> contents_of(const std::string& file);

}  // namespace leasehold::config
