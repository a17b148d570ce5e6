// SPDX-License-Identifier: Apache-2.0
#include "bench/one_file.h"

#include <filesystem>

#include <unistd.h>

#include "tests/harness/candidate.h"

namespace leasehold::bench {
namespace {

std::filesystem::path where_it_is_built() {
    const std::filesystem::path usual = harness::leasehold_program();
    return usual.parent_path() / "one-file" / usual.filename();
}

}  // namespace

std::string one_file_program() {
    const std::string path = where_it_is_built();
    return access(path.c_str(), X_OK) == 0 ? path : "";
}

std::string one_file_unavailable() { return "leasehold as one file: it is not at " + where_it_is_built().string(); }

}  // namespace leasehold::bench
