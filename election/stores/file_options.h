// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace leasehold::stores {

// election.store.file
struct FileOptions {
    std::string path;  // of the record; empty means /var/lib/leasehold/<election name>.lease

    friend bool operator==(const FileOptions&, const FileOptions&) = default;
};

}  // namespace leasehold::stores
