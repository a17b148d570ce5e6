// SPDX-License-Identifier: Apache-2.0
//
// Plays cells: each trial in a process of its own, several at a time, those that disturb others last and alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/faults/row.h"
#include "tests/faults/trial.h"

namespace leasehold::faults {

struct Cell {
    const Row* row = nullptr;
    const TrialStore* store = nullptr;
    std::string containment;
    int repetitions = 0;
    std::vector<Outcome> outcomes{};

    bool complete() const { return static_cast<int>(outcomes.size()) == repetitions; }
};

// Calls `changed` whenever a cell is complete. Returns false when interrupted by a signal.
bool run(std::vector<Cell>& cells, int jobs, const std::function<void()>& changed);

}  // namespace leasehold::faults
