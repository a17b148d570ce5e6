// SPDX-License-Identifier: Apache-2.0
#include "config/changes.h"

#include "config/description.h"

namespace leasehold::config {

std::vector<std::string> changed_keys(const Options& before, const Options& after) {
    std::vector<std::string> changed;
    for (const Key& key : description().keys) {
        const bool counted = description().in_use(key.path, before);
        const bool counts = description().in_use(key.path, after);
        const bool same = counted == counts && (!counts || key.entries(before) == key.entries(after));
        if (!same) changed.push_back(key.path);
    }
    return changed;
}

}  // namespace leasehold::config
