// SPDX-License-Identifier: Apache-2.0
//
// What a person reads: a line for each cell as soon as it and all before it are complete, and a summary.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/faults/runner.h"

namespace leasehold::faults {

struct Summary {
    int played = 0;
    int passed = 0;
    int skipped = 0;
    double overlap_ms = 0;
    std::optional<double> median_ms;  // in which nobody ran
    std::optional<double> least_ms;
    std::optional<double> most_ms;
    std::optional<double> thawed_median_ms;
    std::optional<double> thawed_most_ms;
    bool limited = false;  // not promised in (some trials of) this cell
    bool slow = false;     // the median is above the row's goal

    bool failed() const { return passed < played; }
};
Summary summary_of(const Cell& cell);

class Table {
public:
    explicit Table(const std::vector<Cell>& cells) : cells_(cells) {}

    void print_complete();  // what became complete since the last time
    void print_end() const;

private:
    void print(const Cell& cell);

    const std::vector<Cell>& cells_;
    std::size_t printed_ = 0;
    std::string subject_;
};

// A line of JSON for each cell, its trials among it.
void write_json(const std::string& path, const std::vector<Cell>& cells);

}  // namespace leasehold::faults
