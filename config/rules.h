// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with values that are each right by themselves: found at load, not in the night.
#pragma once

#include <string>

namespace leasehold::config {

struct RuleProblem {
    std::string key;   // the option to change: "election.lease_duration"
    std::string text;  // what is wrong, and what would work
};

}  // namespace leasehold::config
