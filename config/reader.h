// SPDX-License-Identifier: Apache-2.0
//
// A tree of nodes to options, with everything that is wrong on the way. Pure but for the environment in the settings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/description.h"
#include "config/document.h"

namespace leasehold::config {

struct Finding {
    std::optional<Mark> mark;  // nothing for what is missing altogether
    std::string path;
    std::string message;
};

struct Reading {
    Options options;
    std::vector<Finding> findings;  // in no particular order
};

Reading read(const Description& description, const Node& root, const LoadSettings& settings);

}  // namespace leasehold::config
