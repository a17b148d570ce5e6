// SPDX-License-Identifier: Apache-2.0
//
// Which file systems are not a local disk. Locks, renames and change notices on those do not mean what the file store
// needs them to mean: another machine may not see them, or see them late.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace leasehold::stores {

// The name of the kind of file system when it is not a local one; `type` is f_type of statfs(2). Pure.
std::optional<std::string_view> network_file_system(std::uint64_t type);

}  // namespace leasehold::stores
