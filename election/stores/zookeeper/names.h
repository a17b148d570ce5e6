// SPDX-License-Identifier: Apache-2.0
//
// Where a record lives: the paths of its znodes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leasehold::stores::zookeeper {

// The name of an election as that of one znode: what ZooKeeper does not take, or has a meaning for it, or is not ASCII,
// becomes %XX. Different names stay different.
std::string znode_name(std::string_view election);

// "/leasehold" and "billing" make "/leasehold/billing".
std::string znode_path(const std::string& parent, std::string_view election);

// The znodes above, the highest first, without the root.
std::vector<std::string> ancestors(const std::string& path);

// The znode below a record's that is made with it and gone with it, so that its name, which nobody chooses twice, tells
// one record's znode from a later one at the same place.
std::string new_mark();
bool is_mark(std::string_view name);

}  // namespace leasehold::stores::zookeeper
