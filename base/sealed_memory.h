// SPDX-License-Identifier: Apache-2.0
//
// Text handed from one process to those it executes: in a memory file that nobody can change any more
// (memfd_create(2)).
//
// And memory that several processes share.
//
// Any thread; blocks no longer than copying takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace leasehold {

// Close-on-exec. `name` is for people who look into /proc.
Result<UniqueFd> seal_in_memory(const char* name, std::string_view text);

// The whole of it, from the beginning, wherever others that share the descriptor have read to.
Result<std::string> read_sealed(int fd);

// Zeros, to be mapped by all who get the descriptor. Nobody can change its size: memory that vanishes is a SIGBUS in
// whoever looks at it.
Result<UniqueFd> make_shared_memory(const char* name, std::size_t size);

}  // namespace leasehold
