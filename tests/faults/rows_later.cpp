// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/row.h"
namespace leasehold::faults {
std::vector<Row> rows_of_load() { return {}; }
std::vector<Row> rows_of_clocks() { return {}; }
}  // namespace leasehold::faults
