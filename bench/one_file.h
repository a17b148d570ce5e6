// SPDX-License-Identifier: Apache-2.0
//
// The same program in the form that needs no library of the system (scripts/one-file), where it was built.
#pragma once

#include <string>

namespace leasehold::bench {

inline constexpr const char* kOneFile = "leasehold, one file";  // as the tables call it

// Empty: it is not there.
std::string one_file_program();

// Why it is left out of a table.
std::string one_file_unavailable();

}  // namespace leasehold::bench
